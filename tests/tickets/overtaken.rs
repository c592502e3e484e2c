//! Of two renewals of one session, the later does not write back what the earlier one replaced.

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
};

use portcullis::{
    Attempt, AuthError,
    ticket::{InMemorySessions, SessionKey, Sessions, StoredTicket, Ticket, TicketIdentity},
};

use crate::bench::{Bench, Drawer, MINUTE, ready};

/// A store in which somebody else renews the session right after every look at it.
#[derive(Debug)]
struct Busy {
    memory: InMemorySessions,
    others: Mutex<Vec<Ticket>>,
}

impl Sessions for Busy {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        self.memory.store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        let found = self.memory.retrieve(key).into_ready().unwrap().unwrap();
        if let (Some(found), Some(other)) = (&found, self.others.lock().unwrap().pop()) {
            assert!(ready(self.memory.renew(key, found.version, other)).unwrap());
        }
        Attempt::ready(Ok(found))
    }

    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        self.memory.renew(key, version, ticket)
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        self.memory.remove(key)
    }
}

/// Alice is no longer an administrator, and a renewal that was under way does not make her one again.
#[test]
fn what_was_taken_away_stays_away() {
    // once, and more often than anybody tries again
    for others in [1, 10] {
        let store =
            Arc::new(Busy { memory: InMemorySessions::default(), others: Mutex::default() });
        let bench = Bench::new(Drawer::katana()).with(|it| it.sessions(store.clone()).unwrap());
        let boss = |ticket: Ticket| ticket.with_claim(TicketIdentity::ROLE, "administrator");
        let text = bench.issue(boss(bench.alice(10 * MINUTE)));
        assert!(bench.validate(&text).unwrap().claim("role").is_some());
        let key: SessionKey = bench.validate(&text).unwrap().session_id().unwrap().into();

        *store.others.lock().unwrap() = vec![bench.alice(10 * MINUTE); others];
        bench.at(6 * MINUTE); // due to slide
        let identity = bench.validate(&text).unwrap();
        assert_eq!(identity.claim("role"), None, "the newer content was judged");
        let stored = ready(store.memory.retrieve(&key)).unwrap().unwrap();
        assert_eq!(stored.ticket.identity().unwrap().claim(TicketIdentity::ROLE), None);
        let slid = stored.ticket.expires_at == Some(bench.start + 16 * MINUTE);
        assert_eq!(slid, others == 1, "and slid, if nobody came in between again");
    }
}

/// No renewal is lost, and none is done that was overtaken.
#[test]
fn of_renewals_at_one_time_one_is_done() {
    const THREADS: usize = 4;
    const RENEWALS: usize = 500;
    let store = InMemorySessions::default();
    let key = ready(store.store(Ticket::new("Cookies", "0"))).unwrap();
    let barrier = Barrier::new(THREADS);
    let done: usize = thread::scope(|scope| {
        let work = || {
            barrier.wait();
            let mut done = 0;
            for _ in 0..RENEWALS {
                let found = ready(store.retrieve(&key)).unwrap().unwrap();
                let count: usize = found.ticket.name().unwrap().parse().unwrap();
                let next = Ticket::new("Cookies", &(count + 1).to_string());
                done += usize::from(ready(store.renew(&key, found.version, next)).unwrap());
            }
            done
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let last = ready(store.retrieve(&key)).unwrap().unwrap();
    assert_eq!(last.ticket.name(), Some(&*done.to_string()));
    assert!(done >= RENEWALS, "one of them is always done");
    assert!(!ready(store.renew(&key, last.version.wrapping_sub(1), last.ticket)).unwrap());
}
