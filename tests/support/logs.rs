//! What is written to the log while a test runs.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

/// Captures every event and span of this thread, at every level, until it is dropped.
#[derive(Debug)]
pub struct Log {
    text: Text,
    _guard: DefaultGuard,
}

impl Log {
    pub fn capture() -> Self {
        stay_interested();
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of this crate that hold the word.
    pub fn lines_with(&self, word: &str) -> Vec<String> {
        let text = self.text();
        text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }
}

/// tracing remembers for each place whether anybody listens there, and who listens on one thread alone
/// may come too late for that. Somebody listens everywhere, and writes nothing down.
fn stay_interested() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let nobody = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(io::sink)
            .finish();
        tracing::subscriber::set_global_default(nobody).unwrap();
    });
}

#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
