//! Pairs that are measured in turn.
#![allow(dead_code)] // each bench uses a part of it

use std::{convert::Infallible, hint::black_box, time::Instant};

use http::{Request, Response};
use tower_service::Service;

use crate::support::{call, request};

/// How often a pair is measured; prints the head of the table.
pub fn rounds() -> usize {
    println!(
        "{:<44} {:>10} {:>10} {:>9} {:>8}",
        "minimum over rounds, ns", "this", "against", "more", "ratio"
    );
    // cargo test runs benches with --test: once through, quickly
    if std::env::args().any(|arg| arg == "--bench") { 600 } else { 2 }
}

/// One side of a comparison: runs a batch and tells the nanoseconds per call.
pub type Side<'a> = Box<dyn FnMut() -> f64 + 'a>;

pub fn compare(name: &str, rounds: usize, mut this: Side<'_>, mut against: Side<'_>) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // who comes first alternates: the second finds warmer caches
        if round % 2 == 0 {
            a.push(this());
            b.push(against());
        } else {
            b.push(against());
            a.push(this());
        }
    }
    let (min_a, min_b) = (sorted(&mut a)[0], sorted(&mut b)[0]);
    let (median_a, median_b) = (a[a.len() / 2], b[b.len() / 2]);
    for (what, a, b) in [(name, min_a, min_b), ("  median", median_a, median_b)] {
        println!("{what:<44} {a:>10.1} {b:>10.1} {:>9.1} {:>8.3}", a - b, a / b);
    }
}

fn sorted(figures: &mut [f64]) -> &[f64] {
    figures.sort_unstable_by(f64::total_cmp);
    figures
}

/// A batch of requests with this token, made before the clock starts.
pub fn requests<'a, S>(service: S, token: Option<&'a str>) -> Side<'a>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + 'a,
{
    requests_of(service, move || request(token))
}

/// A batch of requests, made before the clock starts.
pub fn requests_of<'a, S>(mut service: S, make: impl Fn() -> Request<()> + 'a) -> Side<'a>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + 'a,
{
    const BATCH: usize = 256;
    Box::new(move || {
        let made: Vec<Request<()>> = (0..BATCH).map(|_| make()).collect();
        let mut answers = Vec::with_capacity(BATCH);
        let start = Instant::now();
        for request in made {
            answers.push(call(&mut service, request));
        }
        let time = start.elapsed();
        drop(black_box(answers));
        time.as_nanos() as f64 / BATCH as f64
    })
}

/// A batch of calls.
pub fn calls<'a>(batch: u32, mut call: impl FnMut() + 'a) -> Side<'a> {
    Box::new(move || {
        let start = Instant::now();
        for _ in 0..batch {
            call();
        }
        start.elapsed().as_nanos() as f64 / f64::from(batch)
    })
}
