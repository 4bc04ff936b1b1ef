//! How quiet a line becomes: the lowest level of its last frames, in windows.

#[derive(Debug)]
pub struct Floor {
    window: u32,
    frames: u32,
    lowest: f32,
    settled: f32,
}

impl Floor {
    /// Looks at `window` frames at a time.
    pub fn new(window: u32) -> Self {
        Self { window, frames: 0, lowest: f32::MAX, settled: 0.0 }
    }

    /// Takes a frame's level; true when it ended a window.
    pub fn input(&mut self, level: f32) -> bool {
        self.lowest = self.lowest.min(level);
        self.frames += 1;
        if self.frames < self.window {
            return false;
        }
        (self.settled, self.lowest, self.frames) = (self.lowest, f32::MAX, 0);
        true
    }

    /// The lowest level of the last whole window; 0 before its end.
    pub fn settled(&self) -> f32 {
        self.settled
    }

    /// The lowest level of the last one to two windows; 0 before the first has ended.
    pub fn recent(&self) -> f32 {
        self.settled.min(self.lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_when_it_is_over_and_a_quieter_frame_at_once() {
        let mut floor = Floor::new(3);
        assert!(!floor.input(0.5) && !floor.input(0.2));
        assert_eq!((floor.settled(), floor.recent()), (0.0, 0.0));
        assert!(floor.input(0.4));
        assert_eq!((floor.settled(), floor.recent()), (0.2, 0.2));
        floor.input(0.1);
        assert_eq!((floor.settled(), floor.recent()), (0.2, 0.1));
        floor.input(0.9);
        assert!(floor.input(0.9));
        assert_eq!(floor.settled(), 0.1);
    }
}
