/** Conference rooms by REST; what they look like comes by the WebSocket as well (topic `rooms`). */

import { json } from "./rest";

export interface RoomMember {
  id: string;
  /** "extension:1001", "agent:li", or a number. */
  name: string;
  caller_name: string;
  call: string;
  role: "moderator" | "member";
  /** Waiting for a host; ringing: was invited. */
  state: "inside" | "waiting" | "ringing";
  since: string | null;
  muted: boolean;
  talking: boolean;
}

export interface Room {
  name: string;
  title: string;
  number: string;
  /** False: made by whoever called it first; gone with the last. */
  declared: boolean;
  max_members: number;
  locked: boolean;
  recording: boolean;
  members: RoomMember[];
}

export interface RoomChange {
  locked?: boolean;
  muted?: boolean;
  recording?: boolean;
}

const id = encodeURIComponent;

export const rooms = {
  list: () => json<{ items: Room[] }>("GET", "/conferences"),
  change: (room: string, change: RoomChange) => json<Room>("PATCH", `/conferences/${id(room)}`, change),
  end: (room: string) => json<undefined>("DELETE", `/conferences/${id(room)}`),
  invite: (room: string, to: string) => json<RoomMember>("POST", `/conferences/${id(room)}/members`, { to }),
  mute: (room: string, member: string, muted: boolean) =>
    json<Room>("PATCH", `/conferences/${id(room)}/members/${id(member)}`, { muted }),
  remove: (room: string, member: string) => json<undefined>("DELETE", `/conferences/${id(room)}/members/${id(member)}`),
};
