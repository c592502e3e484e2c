//! All tokens, found by their digest or by their name.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    handle::digest,
    token::{TokenEntry, TokenKind, TokenStatus},
};
use crate::clock::UnixTime;

/// Tokens in the order in which they were issued.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(from = "Vec<TokenEntry>", into = "Vec<TokenEntry>")]
pub(crate) struct Tokens {
    entries: Vec<TokenEntry>,
    by_digest: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
}

/// What came of presenting a token that is good once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redemption {
    First,
    /// Once more, so soon that the first answer may have been lost.
    Retry,
    /// Once more: two hold it.
    Replay,
}

impl Tokens {
    /// Adds one. A token of the same text takes the place of the old one.
    pub(crate) fn insert(&mut self, entry: TokenEntry) {
        let place = self.entries.len();
        self.by_digest.insert(entry.digest.clone(), place);
        self.by_id.insert(entry.id.clone(), place);
        self.entries.push(entry);
    }

    /// The entry of this text.
    pub(crate) fn find(&self, token: &str) -> Option<&TokenEntry> {
        self.entries.get(*self.by_digest.get(&digest(token))?)
    }

    /// The entry of this name.
    pub(crate) fn get(&self, id: &str) -> Option<&TokenEntry> {
        self.entries.get(*self.by_id.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut TokenEntry> {
        self.entries.get_mut(*self.by_id.get(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TokenEntry> {
        self.entries.iter()
    }

    /// Removes those for which this is false.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&TokenEntry) -> bool) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(keep);
        *self = entries.into();
    }

    /// Presents a token that is good once, and within the leeway after the first time once more.
    pub(crate) fn redeem(&mut self, id: &str, now: UnixTime, leeway: Duration) -> Redemption {
        let Some(entry) = self.get_mut(id) else { return Redemption::Replay };
        match (entry.status, entry.redeemed) {
            (TokenStatus::Valid, _) => {
                entry.status = TokenStatus::Redeemed;
                entry.redeemed = Some(now);
                Redemption::First
            }
            (TokenStatus::Redeemed, Some(first)) if now.saturating_since(first) < leeway => {
                Redemption::Retry
            }
            _ => Redemption::Replay,
        }
    }

    /// Revokes those for which this is true, whatever they were. Returns how many.
    pub(crate) fn revoke(&mut self, concerned: impl Fn(&TokenEntry) -> bool) -> usize {
        let standing = |entry: &&mut TokenEntry| entry.status != TokenStatus::Revoked;
        let mut count = 0;
        for entry in self.entries.iter_mut().filter(standing).filter(|entry| concerned(entry)) {
            entry.status = TokenStatus::Revoked;
            count += 1;
        }
        count
    }

    /// Revokes everything that comes from the same grant: the chain, and whatever else its
    /// authorization ties to it.
    pub(crate) fn revoke_family(&mut self, of: &TokenEntry) -> usize {
        self.revoke(|entry| {
            let tied = of.authorization.is_some() && entry.authorization == of.authorization;
            entry.chain == of.chain || tied
        })
    }

    /// What is left without the tokens of this kind.
    pub(crate) fn without(&self, kind: TokenKind) -> Self {
        let kept = self.entries.iter().filter(|entry| entry.kind != kind);
        kept.cloned().collect::<Vec<_>>().into()
    }
}

impl Clone for Tokens {
    fn clone(&self) -> Self {
        self.entries.clone().into()
    }
}

impl From<Vec<TokenEntry>> for Tokens {
    fn from(entries: Vec<TokenEntry>) -> Self {
        let mut tokens = Self::default();
        for entry in entries {
            tokens.insert(entry);
        }
        tokens
    }
}

impl From<Tokens> for Vec<TokenEntry> {
    fn from(tokens: Tokens) -> Self {
        tokens.entries
    }
}
