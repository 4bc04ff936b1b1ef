/** Ring groups live over REST (web/README.md); they are made and changed as configuration of the kind `ring_group`. */

import { json } from "./rest";

export const MEMBER_TONES = { free: "green", busy: "amber", dnd: "red", offline: "grey", outside: "blue" } as const;
export type MemberState = keyof typeof MEMBER_TONES;

export interface GroupMember {
  to: string;
  name: string;
  state: MemberState;
}

export interface RingGroup {
  name: string;
  title: string;
  number: string;
  strategy: string;
  ringing: number;
  calls: number;
  answered: number;
  members: GroupMember[];
}

export const groups = { list: () => json<{ items: RingGroup[]; next: null }>("GET", "/ring_groups") };
