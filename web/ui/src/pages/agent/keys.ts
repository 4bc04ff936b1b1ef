/** The hot keys of the desk: letter, and the text that says what it does. Groups as the dialog shows them. */

export const KEY_GROUPS = [
  {
    title: "desk.keyGroup.seat",
    keys: [
      ["R", "agent.goReady"],
      ["N", "agent.goNotReady"],
      ["Q", "desk.help"],
      ["U", "desk.pickNext"],
      ["D", "agent.dialLabel"],
      ["Y", "desk.wrapUpStart"],
      ["W", "agent.done"],
    ],
  },
  {
    title: "desk.keyGroup.call",
    keys: [
      ["A", "agent.answer"],
      ["X", "agent.reject"],
      ["H", "desk.holdResume"],
      ["M", "agent.mute"],
      ["K", "agent.keypad"],
      ["P", "desk.park"],
      ["L", "desk.recordToggle"],
      ["E", "agent.hangUp"],
    ],
  },
  {
    title: "desk.keyGroup.others",
    keys: [
      ["C", "desk.consult"],
      ["O", "desk.consultComplete"],
      ["G", "desk.consultMerge"],
      ["B", "desk.consultBack"],
      ["T", "desk.transfer"],
      ["I", "desk.invite"],
    ],
  },
  {
    title: "desk.keyGroup.work",
    keys: [
      ["S", "desk.notes"],
      ["J", "desk.customerCard"],
      ["V", "desk.tab.callbacks"],
      ["Z", "desk.tab.messages"],
      ["/", "desk.allKeys"],
    ],
  },
] as const;
