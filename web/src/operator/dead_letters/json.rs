//! Indents JSON, byte for byte the same but for the spaces between: no number is read, no member is moved.

use serde::de::IgnoredAny;

const INDENT: &str = "  ";

/// The text indented; `None` if it is no JSON.
pub(super) fn indented(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let (mut out, mut depth, mut is_string, mut is_escaped) = (String::with_capacity(text.len() * 2), 0, false, false);
    let mut signs = text.chars().filter(|sign| !sign.is_control() || *sign == '\n').peekable();
    while let Some(sign) = signs.next() {
        if is_string {
            is_string = sign != '"' || is_escaped;
            is_escaped = sign == '\\' && !is_escaped;
            out.push(sign);
            continue;
        }
        match sign {
            '{' | '[' => {
                while signs.next_if(char::is_ascii_whitespace).is_some() {}
                out.push(sign);
                match signs.next_if(|sign| "}]".contains(*sign)) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        begin_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                begin_line(&mut out, depth);
                out.push(sign);
            }
            ',' => {
                out.push(sign);
                begin_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if sign.is_ascii_whitespace() => {}
            _ => {
                is_string = sign == '"';
                out.push(sign);
            }
        }
    }
    Some(out)
}

fn begin_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&INDENT.repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_change() {
        let text = r#"{"z":12345678901234567890.10,"a" : [ ],"s":"a,\"b\": {x} \\", "o":{"e":{}, "l":[1,-2e9]}}"#;
        let shown = "{\n  \"z\": 12345678901234567890.10,\n  \"a\": [],\n  \"s\": \"a,\\\"b\\\": {x} \\\\\",\n  \"o\": {\n    \
                     \"e\": {},\n    \"l\": [\n      1,\n      -2e9\n    ]\n  }\n}";
        assert_eq!(indented(text).as_deref(), Some(shown));
        assert_eq!(indented(shown).as_deref(), Some(shown));
        assert_eq!(indented("{\"a\":"), None);
        assert_eq!(indented("bad"), None);
    }
}
