//! A part of a text.

/// Where a text lies in a longer one, in eight bytes; or that there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// There is no text.
    pub(super) const NONE: Self = Self { start: u32::MAX, end: 0 };

    /// From `start` to before `end`. What lies beyond 4 GiB cannot be told, and counts as none.
    pub(super) const fn new(start: usize, end: usize) -> Self {
        if end >= u32::MAX as usize {
            return Self::NONE;
        }
        Self { start: start as u32, end: end as u32 }
    }

    /// The part of `text`.
    pub(super) fn of(self, text: &str) -> Option<&str> {
        text.get(self.start as usize..self.end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_or_none() {
        assert_eq!(Span::new(1, 3).of("abcd"), Some("bc"));
        assert_eq!(Span::new(2, 2).of("ab"), Some(""));
        assert_eq!(Span::default().of(""), Some(""));
        for none in [Span::NONE, Span::new(0, usize::MAX), Span::new(1, 9)] {
            assert_eq!(none.of("abcd"), None);
        }
    }
}
