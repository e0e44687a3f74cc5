//! Fields of forms, and what is wrong with them, told three times: in the title, in a summary that links to each field,
//! and beside the field itself, joined to it for screen readers.
//!
//! A field cannot be made without its label; a password is never sent back.

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::error::FieldErrors;

/// What a field is filled in with.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    /// One line, of this HTML type.
    Input(&'static str),
    /// Several lines.
    Lines,
    /// One of these: (value, text).
    Choice(Vec<(String, String)>),
    /// An amount in major units of this currency, or of the one chosen elsewhere.
    Amount(String),
    /// Pictures to upload.
    Pictures,
}

/// One field of a form.
#[derive(Debug, Clone, Template)]
#[template(path = "components/field.html")]
pub(crate) struct Field {
    name: &'static str,
    label: &'static str,
    control: Control,
    hint: Option<String>,
    error: Option<String>,
    required: bool,
    autocomplete: Option<&'static str>,
    max_length: Option<u32>,
    /// What was filled in.
    pub(crate) value: String,
}

impl HtmlSafe for Field {}

impl Field {
    /// A field that must be filled in.
    pub(crate) fn new(name: &'static str, label: &'static str, control: Control) -> Self {
        Self {
            name,
            label,
            control,
            hint: None,
            error: None,
            required: true,
            autocomplete: None,
            max_length: None,
            value: String::new(),
        }
    }

    /// With a line of help.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// That may be left empty.
    pub(crate) fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// That a browser may fill in as this.
    pub(crate) fn autocomplete(self, purpose: &'static str) -> Self {
        Self { autocomplete: Some(purpose), ..self }
    }

    /// With at most so many characters.
    pub(crate) fn max_length(self, characters: u32) -> Self {
        Self { max_length: Some(characters), ..self }
    }

    /// Filled in.
    pub(crate) fn filled(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Says what is wrong with it. The first fault of a field is the one that is told.
    pub(crate) fn fail(&mut self, fault: impl Into<String>) {
        self.error.get_or_insert_with(|| fault.into());
    }

    /// What people call it.
    pub(crate) fn label(&self) -> &'static str {
        self.label
    }

    /// Its name in the form.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    fn attributes(&self) -> Attributes {
        let mut written = String::new();
        let described: Vec<String> = [
            self.hint.as_ref().map(|_| "hint"),
            self.error.as_ref().map(|_| "error"),
            matches!(self.control, Control::Amount(_)).then_some("unit"),
        ]
        .into_iter()
        .flatten()
        .map(|part| format!("{}-{part}", self.name))
        .collect();
        // Writing to a string cannot fail.
        if !described.is_empty() {
            let _ = write!(written, r#" aria-describedby="{}""#, described.join(" "));
        }
        if self.error.is_some() {
            written.push_str(r#" aria-invalid="true""#);
        }
        if self.required {
            written.push_str(" required");
        }
        if let Some(purpose) = self.autocomplete {
            let _ = write!(written, r#" autocomplete="{purpose}""#);
        }
        if let Some(characters) = self.max_length {
            let _ = write!(written, r#" maxlength="{characters}""#);
        }
        Attributes(written)
    }
}

/// Attributes of an element, made of constants alone.
struct Attributes(String);

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Attributes {}

/// A form: its fields in order, and what is wrong with it as a whole.
pub(crate) trait Form {
    /// Its fields, in the order of the page.
    fn fields(&self) -> Vec<&Field>;

    /// The same, to write faults into.
    fn fields_mut(&mut self) -> Vec<&mut Field>;

    /// What is wrong with no field in particular.
    fn general_fault(&self) -> Option<&str> {
        None
    }

    /// Whether anything is wrong.
    fn has_faults(&self) -> bool {
        self.general_fault().is_some() || self.fields().iter().any(|field| field.error.is_some())
    }

    /// Writes a fault into the field of that name; answers whether there is one.
    fn fail(&mut self, name: &str, fault: &str) -> bool {
        let field = self.fields_mut().into_iter().find(|field| field.name == name);
        field.map(|field| field.fail(fault)).is_some()
    }

    /// Takes over what the edge found. Its names end in the unit that machines give an amount or a time in.
    fn take(&mut self, errors: &FieldErrors) {
        for (name, faults) in errors.iter() {
            let name = ["_minor", "_ms", "_s"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
            for fault in faults {
                self.fail(name, &fault.message);
            }
        }
    }

    /// What is wrong, linked to each field; nothing where nothing is.
    fn summary(&self) -> ErrorSummary {
        let general = self.general_fault().map(|fault| ("", fault.to_owned()));
        let of_fields = self.fields().into_iter().filter_map(|field| Some((field.name, field.error.clone()?)));
        ErrorSummary { faults: general.into_iter().chain(of_fields).collect() }
    }
}

/// All that is wrong with a form, at the head of its page.
#[derive(Template)]
#[template(path = "components/error-summary.html")]
pub(crate) struct ErrorSummary {
    faults: Vec<(&'static str, String)>,
}

impl HtmlSafe for ErrorSummary {}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(Field);

    impl Form for One {
        fn fields(&self) -> Vec<&Field> {
            vec![&self.0]
        }
        fn fields_mut(&mut self) -> Vec<&mut Field> {
            vec![&mut self.0]
        }
    }

    #[test]
    fn a_fault_is_told_beside_the_field_and_linked_from_the_summary() {
        let mut form = One(Field::new("title", "Title", Control::Input("text")).hint("One line").filled("<b>"));
        assert!(!form.has_faults() && form.summary().to_string().is_empty());
        assert!(form.fail("title", "Enter a title") && !form.fail("other", "?"));
        let field = form.0.to_string();
        assert!(field.contains(r#"aria-describedby="title-hint title-error" aria-invalid="true""#), "{field}");
        assert!(field.contains("&#60;b&#62;") && !field.contains("<b>"), "{field}");
        assert!(form.summary().to_string().contains(r##"<a href="#title">Enter a title</a>"##));
    }

    #[test]
    fn a_password_is_never_sent_back() {
        let field = Field::new("password", "Password", Control::Input("password")).filled("hunter2hunter2");
        assert!(!field.to_string().contains("hunter2"));
    }
}
