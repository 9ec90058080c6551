//! Text as a terminal shows it: nothing in it steers, and how many columns it takes.

use api_chassis::logs::is_steering;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything escaped that would steer a terminal: it may come from an image.
pub fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut kept, c| {
        if is_steering(c) {
            kept.extend(c.escape_debug());
        } else {
            kept.push(c);
        }
        kept
    })
}

/// How many columns the text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `most` columns; where something is left out, it ends in `…`.
pub fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let mut taken = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or_default();
            taken <= room
        })
        .collect();
    kept.push('…');
    kept
}

/// A number of things, in words.
pub fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_steer_is_escaped() {
        for (text, shown) in [
            ("a\u{1b}[2Jb\n", "a\\u{1b}[2Jb\\n"),
            ("safe\u{202e}txt.exe", "safe\\u{202e}txt.exe"),
            ("日本 é", "日本 é"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn text_is_cut_by_the_columns_that_it_takes() {
        for (text, most, shown) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 4, "abc…"),
            ("日本語日本語", 7, "日本語…"),
            ("日本語日本語", 6, "日本…"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(cut(text, most), shown);
            assert!(width(shown) <= most.max(1), "{shown}");
        }
    }
}
