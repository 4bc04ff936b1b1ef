/** The rooms as they are now: the snapshot of the subscription, and each change after it. */

import { onUnmounted, shallowReactive } from "vue";

import type { Room } from "@/api/rooms";
import type { Listed } from "@/composables/list";
import { useLink } from "@/stores/link";

const names = new Intl.Collator("zh-CN");

/** Rooms where people are stand first, by name. */
function ordered(rooms: Room[]): Room[] {
  const live = (room: Room): number => (room.members.length > 0 ? 0 : 1);
  return rooms.sort((one, other) => live(one) - live(other) || names.compare(one.title || one.name, other.title || other.name));
}

/** Puts a changed room into a list; one that nobody declared is gone when it is empty. */
export function placed(rooms: readonly Room[], changed: Room): Room[] {
  const others = rooms.filter(({ name }) => name !== changed.name);
  return ordered(changed.declared || changed.members.length > 0 ? [...others, changed] : others);
}

export function useRooms(): Omit<Listed<Room>, "more" | "clear"> {
  const link = useLink();
  const list = shallowReactive<Omit<Listed<Room>, "more" | "clear">>({
    items: [],
    loading: true,
    error: null,
    next: null,
    load: () => {
      list.loading = true;
      link.again();
      return Promise.resolve();
    },
  });
  onUnmounted(
    link.subscribe({
      topics: ["rooms"],
      snapshot: ({ rooms }) => {
        list.items = ordered([...(rooms ?? [])]);
        list.loading = false;
        list.error = null;
      },
      event: (event) => {
        if (event.type === "room") list.items = placed(list.items, event.room);
      },
      failed: (error) => {
        list.error = error;
        list.loading = false;
      },
    }),
  );
  return list;
}
