//! How a chapter's tests run: each once per process, whoever asks first.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::Builder;

/// One test of a chapter.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    pub name: &'static str,
    pub run: fn(),
}

/// The outcome of a test, kept for whoever asks later.
pub struct Once(OnceLock<Result<(), String>>);

impl Once {
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Runs the test unless it has run, and fails if it failed.
    pub fn run(&self, test: fn()) {
        if let Err(why) = self.0.get_or_init(|| attempt(test)) {
            panic!("{why}");
        }
    }
}

/// Runs all tests of all chapters on two threads and names those that failed.
pub fn run_all(chapters: &[(&str, &[Test])]) -> Vec<String> {
    let tests: Vec<(&str, Test)> = chapters
        .iter()
        .flat_map(|(chapter, tests)| tests.iter().map(move |test| (*chapter, *test)))
        .collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((chapter, test)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = attempt(test.run) {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.push(format!("{chapter}::{}: {why}", test.name));
                    }
                }
            });
        }
    });

    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort();
    failed
}

/// On one thread, with tokio's time paused: a sleep ends at once and timers fire in order.
pub fn paused<F: Future<Output = ()>>(test: F) {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(test);
}

/// On one thread, in real time.
pub fn real<F: Future<Output = ()>>(test: F) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// On two worker threads, in real time.
pub fn threads<F: Future<Output = ()>>(test: F) {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

fn attempt(test: fn()) -> Result<(), String> {
    catch_unwind(test).map_err(|panic| message(&*panic))
}

/// The text of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no text)").to_owned()
}

/// `catch_unwind` for what a failed row cannot leave half-done: the row is not looked at again.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

#[test]
fn a_test_runs_once_and_its_failure_is_told_to_everyone() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    fn failing() {
        RUNS.fetch_add(1, Ordering::SeqCst);
        panic!("as planted");
    }
    static ONCE: Once = Once::new();

    for _ in 0..2 {
        assert_eq!(attempt(|| ONCE.run(failing)), Err("as planted".to_owned()));
    }
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
}

#[test]
fn a_failing_test_is_named_and_the_others_still_run() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    fn good() {
        RAN.fetch_add(1, Ordering::SeqCst);
    }
    const PLANTED: &[Test] =
        &[Test { name: "bad", run: || panic!("as planted") }, Test { name: "good", run: good }];

    assert_eq!(run_all(&[("planted", PLANTED)]), ["planted::bad: as planted"]);
    assert_eq!(RAN.load(Ordering::SeqCst), 1);
}

#[test]
fn each_kind_of_test_gets_the_time_and_the_threads_it_names() {
    use std::time::{Duration, Instant};

    let started = Instant::now();
    paused(async { tokio::time::sleep(Duration::from_secs(3600)).await });
    assert!(started.elapsed() < Duration::from_secs(60));

    real(async { assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), 1) });
    threads(async { assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), 2) });
}
