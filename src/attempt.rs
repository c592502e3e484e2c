//! An answer that is ready, or a future of one.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// What a seam returns: ready at once wherever it can be, a boxed future only where it truly waits.
///
/// The gate looks first ([`into_ready`](Self::into_ready)), so that a request whose credentials
/// can all be judged from memory costs neither a box nor a poll.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use portcullis::Attempt;
///
/// assert_eq!(Attempt::ready(2).map(|n| n + 1).into_ready().ok(), Some(3));
/// assert_eq!(Attempt::pending(async { 2 }).map(|n| n + 1).await, 3);
/// # });
/// ```
#[must_use = "an attempt does nothing until it is looked at or awaited"]
pub struct Attempt<T>(Inner<T>);

enum Inner<T> {
    Ready(Option<T>),
    Pending(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Attempt<T> {
    /// An answer that is there.
    pub const fn ready(answer: T) -> Self {
        Self(Inner::Ready(Some(answer)))
    }

    /// An answer that must be waited for.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Inner::Pending(Box::pin(future)))
    }

    /// The answer if it is there, otherwise the attempt itself to be awaited.
    ///
    /// # Errors
    /// The attempt, if the answer must be waited for.
    pub fn into_ready(self) -> Result<T, Self> {
        match self.0 {
            Inner::Ready(Some(answer)) => Ok(answer),
            pending => Err(Self(pending)),
        }
    }

    /// Applies `f` to the answer, now or when it comes.
    pub fn map<U>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Attempt<U>
    where
        T: 'static,
    {
        match self.0 {
            Inner::Ready(answer) => Attempt(Inner::Ready(answer.map(f))),
            Inner::Pending(future) => Attempt::pending(async move { f(future.await) }),
        }
    }

    /// Goes on with another attempt, now or when the answer comes.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Attempt<U> + Send + 'static) -> Attempt<U>
    where
        T: 'static,
        U: Send + 'static,
    {
        match self.0 {
            Inner::Ready(Some(answer)) => f(answer),
            Inner::Ready(None) => Attempt(Inner::Ready(None)),
            Inner::Pending(future) => Attempt::pending(async move { f(future.await).await }),
        }
    }
}

impl<T> Unpin for Attempt<T> {}

impl<T> Future for Attempt<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Inner::Ready(answer) => {
                Poll::Ready(answer.take().expect("an Attempt is not polled after it was ready"))
            }
            Inner::Pending(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for Attempt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::Ready(_) => "Attempt(ready)",
            Inner::Pending(_) => "Attempt(pending)",
        })
    }
}
