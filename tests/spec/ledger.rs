//! Which ids have been tested. An id is written down only after its row's assertions passed.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::runner::caught;

/// A row of a table. Its id may be several, separated by spaces: `"6750-05 P9"`.
pub trait Row {
    fn id(&self) -> &str;
}

/// Checks every row, also after one failed; writes down the ids of those that passed; then fails
/// with the ids and reasons of those that did not.
#[track_caller]
pub fn table<R: Row>(rows: &[R], check: impl Fn(&R)) {
    assert!(!rows.is_empty(), "a table without rows tests nothing");
    finish(rows.iter().map(|row| (row.id(), caught(|| check(row)))));
}

/// [`table`] for checks that wait.
pub async fn table_async<R: Row>(rows: &[R], check: impl AsyncFn(&R)) {
    assert!(!rows.is_empty(), "a table without rows tests nothing");
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        let mut checked = pin!(check(row));
        let outcome = poll_fn(|cx| match caught(|| checked.as_mut().poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(why) => Poll::Ready(Err(why)),
        });
        outcomes.push((row.id(), outcome.await));
    }
    finish(outcomes.into_iter());
}

/// Writes ids down, separated by spaces. The last line of a test that is not a table.
pub fn passed(ids: &str) {
    assert!(!ids.trim().is_empty(), "an empty id");
    book().extend(ids.split_whitespace().map(str::to_owned));
}

/// The ids written down so far.
pub fn snapshot() -> BTreeSet<String> {
    book().clone()
}

#[track_caller]
fn finish<'a>(outcomes: impl Iterator<Item = (&'a str, Result<(), String>)>) {
    let mut failed = Vec::new();
    for (id, outcome) in outcomes {
        match outcome {
            Ok(()) => passed(id),
            Err(why) => failed.push(format!("{id}: {why}")),
        }
    }
    assert!(failed.is_empty(), "{} rows failed:\n  {}", failed.len(), failed.join("\n  "));
}

fn book() -> MutexGuard<'static, BTreeSet<String>> {
    static BOOK: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}
