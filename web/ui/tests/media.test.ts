import { describe, expect, it } from "vitest";

import { audioSettings, preferCodecs } from "@/media/leg";

const CODECS = ["opus", "red", "G722", "PCMU", "PCMA", "CN", "telephone-event"].map((name) => ({ mimeType: `audio/${name}` }));
const names = (search: string): string[] => preferCodecs(CODECS, search).map(({ mimeType }) => mimeType.slice(6));

describe("codec order", () => {
  it("puts PCMU first and keeps the rest", () => {
    expect(names("")).toEqual(["PCMU", "opus", "red", "G722", "PCMA", "CN", "telephone-event"]);
  });
  it("leaves one codec when the address fixes it", () => {
    expect(names("?codec=pcmu")).toEqual(["PCMU", "telephone-event"]);
    expect(names("?codec=opus&raw=1")).toEqual(["opus", "telephone-event"]);
  });
  it("ignores a codec that the browser does not have", () => expect(names("?codec=g729")[0]).toBe("PCMU"));
});

describe("audio settings", () => {
  it("process by default", () => {
    expect(audioSettings("", null)).toEqual({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  });
  it("take what was stored", () => {
    expect(audioSettings("", '{"noiseSuppression":false}')).toMatchObject({ noiseSuppression: false, echoCancellation: true });
  });
  it("are all off for measurements", () => {
    expect(audioSettings("?raw=1", '{"noiseSuppression":true}')).toEqual({
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: false,
    });
  });
});
