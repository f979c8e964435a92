//! What the demo shows while it works: a bar on a terminal, a line a step elsewhere. Always on standard error.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::print::progress;

/// Progress of one step.
pub(crate) struct StepProgress {
    bar: Option<ProgressBar>,
}

impl StepProgress {
    /// Announces a step that `count` peers take.
    pub(crate) fn begin(name: &str, count: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            progress(&format!("{name} ({count})"));
            return Self { bar: None };
        }
        let bar = ProgressBar::new(count as u64).with_message(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{msg:46} {bar:24} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Self { bar: Some(bar) }
    }

    /// One peer is done.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for StepProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
