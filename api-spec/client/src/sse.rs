//! Server-sent events as in the HTML standard, "Parsing an event stream": bytes to messages.

/// The longest line, and the most data of one message, that are borne.
const MAX: usize = 4 << 20;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Message {
    /// Its `event`, if it names one.
    pub(crate) event: Option<String>,
    /// Its `id`, if it has one.
    pub(crate) id: Option<String>,
    /// Its `data` lines, joined by newlines.
    pub(crate) data: String,
}

/// A stream with a line or message that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Bytes in, messages out; bytes may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    message: Message,
    has_data: bool,
}

impl Parser {
    /// The messages that `bytes` complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let second_half = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            if second_half {
                continue;
            }
            if byte == b'\n' || byte == b'\r' {
                let line = std::mem::take(&mut self.line);
                complete.extend(self.take(&String::from_utf8_lossy(&line)));
            } else {
                self.line.push(byte);
            }
            if self.line.len() + self.message.data.len() > MAX {
                return Err(TooLong);
            }
        }
        Ok(complete)
    }

    fn take(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return std::mem::take(&mut self.has_data).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.message.event = Some(value.to_owned()),
            "id" => self.message.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.message.data.push('\n');
                }
                self.has_data = true;
                self.message.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(id: Option<&str>, data: &str) -> Message {
        Message { id: id.map(str::to_owned), data: data.to_owned(), ..Message::default() }
    }

    #[test]
    fn stream_with_comments_and_all_line_ends_gives_its_messages() {
        let text = "\u{feff}ignored\n: alive\n\nid: 7\r\nevent: x\r\ndata: a\r\ndata:b\r\n\r\nid:8\rdata\r\rid: 9\n\n";
        let messages = Parser::default().push(text.as_bytes()).unwrap();
        let typed = Message { event: Some("x".to_owned()), ..message(Some("7"), "a\nb") };
        assert_eq!(messages, [typed, message(Some("8"), "")]);
    }

    #[test]
    fn line_without_end_is_not_kept_for_ever() {
        assert_eq!(Parser::default().push(&vec![b'x'; MAX + 1]), Err(TooLong));
        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(MAX / 4));
        assert!((0..5).any(|_| parser.push(line.as_bytes()).is_err()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn stream_cut_anywhere_gives_the_same_messages(
            lines in proptest::collection::vec("(data|id|:)?(: ?[a-z]{0,4})?(\r\n|\r|\n)", 0..20),
            size in 1usize..7,
        ) {
            let text = lines.concat();
            let mut parser = Parser::default();
            let cut: Vec<Message> =
                text.as_bytes().chunks(size).flat_map(|part| parser.push(part).unwrap()).collect();
            prop_assert_eq!(cut, Parser::default().push(text.as_bytes()).unwrap());
        }
    }
}
