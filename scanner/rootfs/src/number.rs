//! Numbers in headers: octal text, or base 256 (the GNU extension).

/// A number, and whether every reader sees the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// Written as it should be; an empty field is zero.
    Sure(u64),
    /// Readers that are strict and readers that are lenient see different ones.
    Doubtful(u64),
    /// No number, a negative one, or one above 2⁶³ − 1.
    Wrong,
}

/// Reads a numeric field of a header.
pub(crate) fn parse_number(field: &[u8]) -> Number {
    match field.split_first() {
        Some((0x80, rest)) => parse_base_256(rest),
        Some((first, _)) if first & 0x80 != 0 => Number::Wrong,
        _ => parse_octal(field),
    }
}

fn parse_base_256(digits: &[u8]) -> Number {
    let value = digits
        .iter()
        .try_fold(0_u64, |value, digit| value.checked_mul(256).map(|shifted| shifted | u64::from(*digit)));
    value.filter(|value| i64::try_from(*value).is_ok()).map_or(Number::Wrong, Number::Sure)
}

/// Spaces, digits, then spaces and NULs to the end.
fn parse_octal(field: &[u8]) -> Number {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let (before, rest) = field.split_at(start);
    let digits = rest.iter().position(|byte| !matches!(byte, b'0'..=b'7')).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(digits);
    let value = digits
        .iter()
        .try_fold(0_u64, |value, digit| value.checked_mul(8).map(|shifted| shifted | u64::from(digit & 7)));
    let Some(value) = value.filter(|value| i64::try_from(*value).is_ok()) else { return Number::Wrong };
    let strange = (before.contains(&0) && !digits.is_empty()) || !after.iter().all(blank);
    match after.first() {
        Some(byte) if !blank(byte) => Number::Wrong,
        _ if strange => Number::Doubtful(value),
        _ => Number::Sure(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Number::{Doubtful, Sure, Wrong};

    #[test]
    fn number_is_read_as_written() {
        for (field, number) in [
            (&b"00000000017\0"[..], Sure(15)),
            (b"      17 \0\0\0", Sure(15)),
            (b"777777777777", Sure(0o777_777_777_777)),
            (b"\0\0\0\0", Sure(0)),
            (b"    ", Sure(0)),
            (b"", Sure(0)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\0", Sure(256)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Sure(i64::MAX as u64)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", Wrong),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Wrong),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Wrong),
            (b"\0\0\0\0\0\0\0\0\x0017\0", Doubtful(15)),
            (b"17\0garbage\0", Doubtful(15)),
            (b"17 9", Doubtful(15)),
            (b"8", Wrong),
            (b"-1", Wrong),
            (b"0x1F", Wrong),
            (b"1a", Wrong),
        ] {
            assert_eq!(parse_number(field), number, "{field:?}");
        }
    }
}
