//! The settings of every binary, read from the doc comments of the structs that hold them, and the
//! page that lists them.

use crate::tree;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where a binary's settings begin.
pub struct Root {
    /// The binary.
    pub binary: &'static str,
    /// What its variables begin with.
    pub prefix: &'static str,
    /// The file that defines the outermost struct.
    pub file: &'static str,
    /// That struct.
    pub name: &'static str,
}

/// One thing that may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key, as `http.listen`.
    pub key: String,
    /// Its variable, as `PERCEPTOR_CORE_HTTP__LISTEN`.
    pub variable: String,
    /// What it means: the doc comment of its field.
    pub meaning: String,
}

/// Settings cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A source file cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// There is no such struct where it ought to be.
    #[error("{file} has no struct {name} with named fields")]
    NoStruct {
        /// The file.
        file: String,
        /// The struct.
        name: String,
    },
    /// Two structs have the name of one that is meant.
    #[error("several structs of settings are called {name}: rename all but one")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// A field says nothing of what it means.
    #[error("{name}.{field} has no doc comment: it is the setting's documentation")]
    Undocumented {
        /// The struct.
        name: String,
        /// The field.
        field: String,
    },
}

/// A struct of settings, as its source text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    file: PathBuf,
    name: String,
    refuses_unknown: bool,
    fields: Vec<Field>,
}

/// One field of a struct: its name, its type without `Option`, its doc comment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    of: String,
    meaning: String,
}

/// Every struct of the tree that refuses unknown fields, as settings do.
struct Shapes(Vec<Shape>);

impl Shapes {
    fn of_tree(root: &Path) -> Result<Self, SettingsError> {
        let failed = |cause| SettingsError::Read { path: root.to_owned(), cause };
        let mut shapes = Vec::new();
        for file in tree::files(root, ".rs").map_err(failed)? {
            shapes.extend(shapes_in(&file, &read(&file)?).into_iter().filter(|shape| shape.refuses_unknown));
        }
        Ok(Shapes(shapes))
    }

    /// The struct `name` as `file` means it: its own, or the only one there is.
    fn named(&self, file: &Path, name: &str) -> Result<Option<&Shape>, SettingsError> {
        let all: Vec<&Shape> = self.0.iter().filter(|shape| shape.name == name).collect();
        match (all.iter().find(|shape| shape.file == file), all.as_slice()) {
            (Some(own), _) => Ok(Some(own)),
            (None, [only]) => Ok(Some(only)),
            (None, []) => Ok(None),
            (None, _) => Err(SettingsError::Ambiguous { name: name.to_owned() }),
        }
    }

    /// Add the settings of `of` below `path`, in the order of its fields.
    fn walk(&self, of: &Shape, path: &str, found: &mut Vec<(String, String)>) -> Result<(), SettingsError> {
        for Field { name, of: kind, meaning } in &of.fields {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match self.named(&of.file, kind)? {
                Some(nested) => self.walk(nested, &key, found)?,
                None if meaning.is_empty() => {
                    return Err(SettingsError::Undocumented { name: of.name.clone(), field: name.clone() });
                }
                None => found.push((key, meaning.clone())),
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    fs::read_to_string(path).map_err(|cause| SettingsError::Read { path: path.to_owned(), cause })
}

/// The structs with named fields that a formatted source text defines at its outermost level.
fn shapes_in(file: &Path, text: &str) -> Vec<Shape> {
    let (mut shapes, mut attributes) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let name = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ")
            .strip_prefix("struct ")
            .and_then(|rest| rest.strip_suffix(" {"));
        match name {
            Some(name) => shapes.push(Shape {
                file: file.to_owned(),
                name: name.to_owned(),
                refuses_unknown: attributes.iter().any(|line: &&str| line.contains("deny_unknown_fields")),
                fields: fields_in(lines.by_ref().take_while(|line| *line != "}")),
            }),
            None if line.starts_with('#') => {
                attributes.push(line);
                continue;
            }
            None => {}
        }
        attributes.clear();
    }
    shapes
}

fn fields_in<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<Field> {
    let (mut fields, mut comment) = (Vec::new(), Vec::new());
    for line in lines.map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            comment.push(words.trim());
        } else if let Some((name, of)) = field(line) {
            fields.push(Field { name, of, meaning: std::mem::take(&mut comment).join(" ") });
        }
    }
    fields
}

/// `pub name: Option<Type>,` as its name and type.
fn field(line: &str) -> Option<(String, String)> {
    let (name, of) = line.strip_suffix(',')?.split_once(": ")?;
    let name = name.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let of = of.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(of);
    is_name.then(|| (name.to_owned(), of.to_owned()))
}

/// The settings of one binary, in the order of their structs.
///
/// # Errors
/// When a struct is not where it ought to be, or a field has no doc comment.
pub fn settings_of(root: &Path, of: &Root) -> Result<Vec<Setting>, SettingsError> {
    let path = root.join(of.file);
    let outermost = shapes_in(&path, &read(&path)?).into_iter().find(|shape| shape.name == of.name);
    let outermost = outermost
        .ok_or_else(|| SettingsError::NoStruct { file: of.file.to_owned(), name: of.name.to_owned() })?;
    let mut found = Vec::new();
    Shapes::of_tree(root)?.walk(&outermost, "", &mut found)?;
    let settings = found.into_iter().map(|(key, meaning)| {
        let variable = format!("{}_{}", of.prefix, key.replace('.', "__").to_uppercase());
        Setting { key, variable, meaning }
    });
    Ok(settings.collect())
}

/// The page: a table for each binary. `defaults` are what the binary prints as the settings that
/// hold where nothing is set.
///
/// # Errors
/// As [`settings_of`].
pub fn render_page(root: &Path, defaults: &BTreeMap<&'static str, Value>) -> Result<String, SettingsError> {
    let mut page = String::from(HEAD);
    for of in crate::law::SETTINGS {
        // Writing to a string cannot fail.
        let _ =
            write!(page, "\n## {}\n\n| key | variable | default | meaning |\n|---|---|---|---|\n", of.binary);
        let printed = defaults.get(of.binary).unwrap_or(&Value::Null);
        for Setting { key, variable, meaning } in settings_of(root, of)? {
            let default = show(at(printed, &key));
            let meaning = meaning.replace('|', "\\|");
            let _ = writeln!(page, "| `{key}` | `{variable}` | {default} | {meaning} |");
        }
    }
    Ok(page)
}

const HEAD: &str = "# Settings

Written from the doc comments of the settings structs and from what each binary prints as its
defaults; `make settings` writes it anew.

Defaults < file < environment < flags. `--config FILE` names a TOML, YAML or JSON file in which
`http.listen` is the key `listen` of the table `http`; unknown keys are errors. A list in a variable
is separated by commas. `--print-config` shows the settings that hold, secrets hidden.
";

fn at<'v>(value: &'v Value, key: &str) -> &'v Value {
    key.split('.').fold(value, |value, part| value.get(part).unwrap_or(&Value::Null))
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        Value::Object(fields) if fields.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// The page's rows without their defaults, which only a built binary knows.
pub fn without_defaults(page: &str) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| `") || line.starts_with("## "));
    rows.map(|row| {
        let cells: Vec<&str> = row.splitn(5, " | ").collect();
        match cells.as_slice() {
            [key, variable, _, meaning] => format!("{key} | {variable} | {meaning}"),
            _ => row.to_owned(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
/// Outermost.
pub struct Outer {
    /// Its name; empty: the host's,
    /// and more.
    #[serde(default)]
    pub name: String,
    /// How to listen.
    pub http: Option<InnerSettings>,
}

#[derive(Debug)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InnerSettings {
    /// Address and port.
    pub(crate) listen: SocketAddr,
    bare: u8,
}
";

    fn walk(source: &str) -> Result<Vec<(String, String)>, SettingsError> {
        let shapes = shapes_in(Path::new("x.rs"), source);
        let outer = shapes.iter().find(|shape| shape.name == "Outer").unwrap().clone();
        let mut found = Vec::new();
        Shapes(shapes.into_iter().filter(|shape| shape.refuses_unknown).collect())
            .walk(&outer, "", &mut found)?;
        Ok(found)
    }

    #[test]
    fn nested_struct_gives_dotted_keys_with_whole_comments() {
        let found = walk(&SOURCE.replace("bare: u8,", "")).unwrap();
        let pair = |key: &str, meaning: &str| (key.to_owned(), meaning.to_owned());
        assert_eq!(
            found,
            [
                pair("name", "Its name; empty: the host's, and more."),
                pair("http.listen", "Address and port.")
            ]
        );
    }

    #[test]
    fn field_without_a_comment_is_refused_by_name() {
        let error = walk(SOURCE).unwrap_err().to_string();
        assert!(error.starts_with("InnerSettings.bare has no doc comment"), "{error}");
    }

    #[test]
    fn row_without_its_default_keeps_what_it_means() {
        let page = "## b\n\n| key | variable |\n| `a.b` | `P_A__B` | `1 | 2` | This. |\n";
        assert_eq!(without_defaults(page).first().map(String::as_str), Some("## b"));
        let page = "| `a.b` | `P_A__B` | `7` | This, or that. |";
        assert_eq!(without_defaults(page), ["| `a.b` | `P_A__B` | This, or that. |"]);
    }
}
