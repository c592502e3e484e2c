//! The first fetch.

use crate::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_first_request() {
    let house = House::new();
    assert!(!house.keys.is_ready());
    assert_eq!(house.issuer.received().len(), 0);
    assert!(house.find("k1").await.is_ok());
    assert!(house.keys.is_ready());
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_warm_key_is_ready_at_once() {
    let house = House::warm().await;
    for _ in 0..100 {
        assert!(house.now("k1").is_ok());
    }
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_callers_share_one_fetch_although_half_of_them_leave() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_millis(200)));
    let callers: Vec<_> = (0..1000)
        .map(|number| {
            let keys = house.keys.clone();
            tokio::spawn(async move {
                let find = keys.find(Some("k1"), Algorithm::RS256);
                if number % 2 == 0 {
                    return timeout(Duration::from_millis(50), find).await.is_err();
                }
                find.await.is_ok()
            })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_only_caller_may_leave_and_the_fetch_goes_on() {
    let house = House::new();
    house.issuer.fail(Endpoint::Jwks, Fault::Delay(Duration::from_secs(2)));
    let find = house.keys.find(Some("k1"), Algorithm::RS256);
    assert!(timeout(Duration::from_millis(10), find).await.is_err());
    sleep(Duration::from_secs(3)).await;
    assert!(house.now("k1").is_ok());
    assert_eq!(house.requests(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_at_start_recovers_without_a_restart() {
    let house = House::new();
    house.issuer.take_down();
    assert_eq!(house.find("k1").await, Err(IssuerUnreachable));
    assert_eq!(house.keys.warm_up().await, Err(IssuerUnreachable.into()));
    assert!(!house.keys.is_ready());
    house.issuer.bring_up();
    house.clock.advance(Duration::from_secs(1));
    assert!(house.find("k1").await.is_ok());
    assert!(house.keys.is_ready());
}

#[tokio::test(start_paused = true)]
async fn warming_up_asks_once() {
    let house = House::new();
    house.keys.warm_up().await.unwrap();
    house.keys.warm_up().await.unwrap();
    assert!(house.now("k1").is_ok());
    assert_eq!(house.requests(), (1, 1));
}

#[test]
fn without_a_runtime_it_is_undecidable_and_no_panic() {
    let house = House::new();
    assert_eq!(house.now("k1"), Err(IssuerUnreachable));
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_fetch_wedges_nothing() {
    let house = House::new();
    house.issuer.fail_next(Endpoint::Jwks, 1, Fault::Hang);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let find = house.keys.find(Some("k1"), Algorithm::RS256);
        assert!(timeout(Duration::from_millis(5), find).await.is_err());
    });
    drop(runtime);
    house.clock.advance(Duration::from_secs(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(house.find("k1")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_wedges_nothing() {
    #[derive(Debug)]
    struct Fragile(Arc<dyn Fetch>, AtomicUsize);
    impl Fetch for Fragile {
        fn fetch(&self, request: Request<Bytes>, limit: usize) -> FetchFuture {
            assert!(self.1.fetch_add(1, Ordering::Relaxed) > 0, "the first call panics");
            self.0.fetch(request, limit)
        }
    }
    let (issuer, clock) = issuer();
    let fragile = Fragile(issuer.fetch(), AtomicUsize::new(0));
    let keys = builder(&issuer).fetch(fragile).clock(clock.clone()).build().unwrap();
    assert_eq!(keys.warm_up().await, Err(IssuerUnreachable.into()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(keys.warm_up().await, Ok(()));
}
