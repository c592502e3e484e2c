use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// So many milliseconds.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixTime {
        UnixTime::EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A label before a handle, or another encryption of what is inside: whoever has a token has any
/// number of texts for it.
#[test]
fn a_token_of_many_texts_is_told_of_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&told);
    let usage = Usage::new(move |event| events.lock().unwrap().push(event.path));
    let token = |issuer: &str, id: &str| Identity::builder(issuer).token_id(id).build();
    let request = |path: &str| http::Request::get(path).body(()).unwrap().into_parts().0;
    usage.note("a--handle", &request("/1"), &token("i", "t1"));
    usage.note("b--handle", &request("/2"), &token("i", "t1"));
    let used = usage.begin("c--handle", &request("/3"));
    usage.end(used, &token("i", "t1"));
    usage.note("a--handle", &request("/4"), &token("other", "t1"));
    usage.note("d--handle", &request("/5"), &token("i", "t2"));
    // where it has no name, the text counts
    usage.note("a", &request("/6"), &Identity::builder("i").build());
    usage.note("b", &request("/7"), &Identity::builder("i").build());
    assert_eq!(*told.lock().unwrap(), ["/1", "/4", "/5", "/6", "/7"].map(Box::from));
}

/// Who finds no room does not look through all that is there for each request.
#[test]
fn old_ones_are_looked_for_once_a_second() {
    let clock = Arc::new(Hand::default());
    let usage = Usage::new(drop).clock(clock.clone());
    for token in 0..MOST_SEEN as u64 {
        assert!(usage.is_due(token));
    }
    let another = u64::MAX;
    clock.0.store(59_500, Ordering::Relaxed);
    assert!(!usage.is_due(another), "all of them are of the last minute");
    clock.0.store(60_499, Ordering::Relaxed);
    assert!(!usage.is_due(another), "nobody looked");
    clock.0.store(60_500, Ordering::Relaxed);
    assert!(usage.is_due(another), "and now there is room");
    assert_eq!(usage.seen.last.lock().unwrap().len(), 1);
}
