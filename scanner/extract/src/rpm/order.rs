//! Numbers at an offset, in either byte order; nothing where the bytes end.

/// Which byte comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The highest.
    Big,
    /// The lowest.
    Little,
}

impl Order {
    /// Two bytes at `at`.
    pub fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let number = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Big => u16::from_be_bytes(number),
            Order::Little => u16::from_le_bytes(number),
        })
    }

    /// Four bytes at `at`.
    pub fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Big => u32::from_be_bytes(number),
            Order::Little => u32::from_le_bytes(number),
        })
    }

    /// Two bytes at `at`, as a length or offset.
    pub fn len16(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.u16(bytes, at).map(usize::from)
    }

    /// Four bytes at `at`, as a length or offset.
    pub fn len32(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.u32(bytes, at).and_then(|number| usize::try_from(number).ok())
    }
}
