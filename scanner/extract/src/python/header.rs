//! The header block of a core-metadata file (RFC 822 style): fields until the first blank line.

/// More fields than any real file has (the longest list dependencies and classifiers).
const MAX_FIELDS: usize = 10_000;

/// Fields in the order of the file. Continuation lines are not kept: no field that we read has
/// them, except licence texts, which are then known to be longer than a line.
pub(super) struct Headers<'a> {
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    value: &'a str,
    continued: bool,
}

impl<'a> Headers<'a> {
    /// Reads up to the blank line that begins the description; lines that are no field are passed over.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut fields: Vec<Field<'a>> = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()).take(MAX_FIELDS) {
            if line.starts_with([' ', '\t']) {
                if let Some(last) = fields.last_mut() {
                    last.continued = true;
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push(Field { name: name.trim_end(), value: value.trim(), continued: false });
            }
        }
        Headers { fields }
    }

    /// The first field of that name, if it fits on its line and is not empty.
    pub(super) fn first(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// All fields of that name that fit on their lines and are not empty. Case does not count.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .filter(|field| !field.continued && !field.value.is_empty())
            .map(|field| field.value)
    }
}
