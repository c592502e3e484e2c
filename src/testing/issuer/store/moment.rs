//! A moment, as it is saved: nanoseconds since 1970.

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use crate::clock::UnixTime;

pub(super) fn serialize<S: Serializer>(at: &UnixTime, to: S) -> Result<S::Ok, S::Error> {
    nanoseconds(*at).serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixTime, D::Error> {
    u64::deserialize(from).map(moment)
}

/// A moment that may not have come.
pub(super) mod optional {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::clock::UnixTime;

    pub(in super::super) fn serialize<S: Serializer>(
        at: &Option<UnixTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(super::nanoseconds).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<UnixTime>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(super::moment))
    }
}

fn nanoseconds(at: UnixTime) -> u64 {
    u64::try_from(at.saturating_since(UnixTime::EPOCH).as_nanos()).unwrap_or(u64::MAX)
}

fn moment(nanoseconds: u64) -> UnixTime {
    UnixTime::EPOCH + std::time::Duration::from_nanos(nanoseconds)
}
