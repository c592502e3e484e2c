//! What was made out of an identity's claims, kept beside it.

use std::{
    any::{Any, TypeId},
    sync::{Arc, OnceLock},
};

/// Values, one of each type. Empty it takes no more than a pointer; each value that is put in adds
/// what it needs.
#[derive(Default)]
pub(super) struct Memo(OnceLock<Box<Node>>);

impl Clone for Memo {
    /// Empty: a copy makes its own.
    fn clone(&self) -> Self {
        Self::default()
    }
}

struct Node {
    id: TypeId,
    value: Arc<dyn Any + Send + Sync>,
    next: Memo,
}

impl Memo {
    pub(super) fn get<T: Any + Send + Sync>(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        let mut at = self;
        while let Some(node) = at.0.get() {
            if node.id == TypeId::of::<T>() {
                return Some(&node.value);
            }
            at = &node.next;
        }
        None
    }

    /// Puts it behind what is there, if there are fewer than `most`.
    pub(super) fn keep<T: Any + Send + Sync>(&self, value: Arc<T>, most: usize) {
        let mut node = Box::new(Node { id: TypeId::of::<T>(), value, next: Self::default() });
        let mut at = self;
        for _ in 0..most {
            match at.0.set(node) {
                Ok(()) => return,
                Err(taken) => node = taken,
            }
            let Some(next) = at.0.get() else { return };
            at = &next.next;
        }
    }

    /// Bytes of a value's place, without the value.
    pub(super) const PLACE: usize = size_of::<Node>();
}
