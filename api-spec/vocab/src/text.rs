//! Text forms: closed word lists, and serde through `Display` and `FromStr`.

/// A word that is not on a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {word:?}; expected one of: {expected}")]
pub struct UnknownWord {
    /// What the list is a list of.
    pub kind: &'static str,
    /// The word that was given, cut to 64 characters.
    pub word: String,
    /// The words that would have been right.
    pub expected: String,
}

impl UnknownWord {
    pub(crate) fn new(kind: &'static str, word: &str, expected: &[&str]) -> Self {
        UnknownWord { kind, word: word.chars().take(64).collect(), expected: expected.join(", ") }
    }
}

/// An enum whose variants are words: exact parse, `ALL`, `as_str`, `Display`, serde as text.
macro_rules! string_enum {
    ($(#[$meta:meta])* $name:ident, $kind:literal {
        $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word on the wire, in logs and in metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::UnknownWord::new($kind, word, &[$($text,)+])),
                }
            }
        }

        $crate::text::serde_as_text!($name);
    };
}

/// Serialise by `Display`, deserialise by `FromStr`.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_text;
pub(crate) use string_enum;

/// Cut foreign text for an error message: at most 80 characters, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
