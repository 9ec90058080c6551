//! Texts with gaps: objects as the server would write them, made quickly and by the hundred thousand.

use anyhow::{Result, bail};

/// A text, and what stands in its gaps.
pub struct Template(Vec<(String, Option<usize>)>);

impl Template {
    /// The template that `text` is: `@name@` is a gap, of one of these names. White space between
    /// the parts of the JSON is left out, as the server leaves it out.
    pub fn new(text: &str, names: &[&str]) -> Result<Self> {
        let compact: String = text.lines().map(str::trim_start).collect();
        let mut parts = Vec::new();
        for (at, part) in compact.split('@').enumerate() {
            match (at % 2, parts.last_mut()) {
                (0, _) => parts.push((part.to_owned(), None)),
                (_, Some((_, gap))) => match names.iter().position(|name| *name == part) {
                    Some(name) => *gap = Some(name),
                    None => bail!("nothing is called {part}"),
                },
                (_, None) => bail!("a gap before all text"),
            }
        }
        Ok(Template(parts))
    }

    /// Write the text, with these in its gaps; in the order of the names.
    pub fn render(&self, values: &[&str], out: &mut String) {
        for (text, gap) in &self.0 {
            out.push_str(text);
            out.push_str(gap.and_then(|gap| values.get(gap)).copied().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_by_their_names() {
        let template =
            Template::new("{\n  \"a\": \"@a@\",\n  \"b\": \"x@b@-@a@\"\n}\n", &["b", "a"]).unwrap();
        let mut out = String::new();
        template.render(&["1", "2"], &mut out);
        assert_eq!(out, r#"{"a": "2","b": "x1-2"}"#);
        assert!(Template::new("@c@", &["a"]).is_err());
    }
}
