/** The tab's one AudioContext, and what is made of it: the ring and the level meters. */

let context: AudioContext | null = null;

/** Browsers start an AudioContext silent until the first gesture; this one resumes at the first key or click. */
export function audioContext(): AudioContext {
  if (!context) {
    const made = new AudioContext();
    const resume = (): void => void made.resume();
    for (const gesture of ["pointerdown", "keydown"]) window.addEventListener(gesture, resume);
    context = made;
  }
  if (context.state === "suspended") void context.resume();
  return context;
}

const RING_PERIOD_MS = 3000;
/** Two soft notes (E5, G#5), twice a period. */
const RING_NOTES = [
  { hertz: 659.26, at: 0 },
  { hertz: 830.61, at: 0.18 },
  { hertz: 659.26, at: 0.5 },
  { hertz: 830.61, at: 0.68 },
] as const;

function note(output: AudioContext, hertz: number, start: number): void {
  const oscillator = output.createOscillator();
  const gain = output.createGain();
  oscillator.type = "sine";
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.16, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.4);
  oscillator.connect(gain).connect(output.destination);
  oscillator.start(start);
  oscillator.stop(start + 0.42);
}

/** Rings until the returned function is called. */
export function ring(): () => void {
  const output = audioContext();
  const once = (): void => {
    for (const { hertz, at } of RING_NOTES) note(output, hertz, output.currentTime + at);
  };
  once();
  const timer = setInterval(once, RING_PERIOD_MS);
  return () => clearInterval(timer);
}

/** One short tone: a call that is answered by itself. */
export function beep(): void {
  const output = audioContext();
  note(output, 880, output.currentTime);
}

/** Level of a stream, 0 (−60 dBFS and below) to 1 (full scale). Call `stop` when done. */
export function meter(stream: MediaStream): { level: () => number; stop: () => void } {
  const output = audioContext();
  const source = output.createMediaStreamSource(stream);
  const analyser = output.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      let power = 0;
      for (const sample of samples) power += sample * sample;
      const decibels = 10 * Math.log10(power / samples.length + 1e-12);
      return Math.min(1, Math.max(0, (decibels + 60) / 60));
    },
    stop: () => source.disconnect(),
  };
}
