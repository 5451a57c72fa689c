//! Replaces variables, `$(expr …)` and one condition of a shell script: `if [ A -eq B ]; then …; else …; fi` becomes the
//! branch that is taken. `berth_model::execution::Program` knows what the rest of the script does.

/// The script with its variables replaced and its condition decided. What is not known stays, so that the script as a
/// whole is not known.
pub(super) fn simplify(script: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let text = expressions(&variables(script, variable));
    branch(&text).map_or(text.clone(), str::to_owned)
}

/// Replaces `$NAME` and `${NAME}`.
fn variables(script: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = script;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, end) = match after.strip_prefix('{') {
            Some(inner) => inner.find('}').map_or(("", 0), |close| (&inner[..close], close + 2)),
            None => {
                let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match variable(name) {
            Some(value) if end > 0 => {
                out.push_str(&value);
                rest = &after[end..];
            }
            _ => {
                out.push('$');
                rest = after;
            }
        }
    }
    out + rest
}

/// Replaces `$(expr A OP B)` of two numbers.
fn expressions(text: &str) -> String {
    let Some((before, rest)) = text.split_once("$(expr ") else { return text.to_owned() };
    let Some((inside, after)) = rest.split_once(')') else { return text.to_owned() };
    match value(inside) {
        Some(value) => format!("{before}{value}{}", expressions(after)),
        None => text.to_owned(),
    }
}

fn value(expression: &str) -> Option<i64> {
    let words: Vec<&str> = expression.split_whitespace().collect();
    let [a, operator, b] = words.as_slice() else { return None };
    let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
    match *operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "/" => a.checked_div(b),
        "%" => a.checked_rem(b),
        _ => None,
    }
}

/// The branch that is taken, if the whole script is one condition on two numbers.
fn branch(text: &str) -> Option<&str> {
    let (condition, rest) = text.trim().strip_prefix("if [ ")?.split_once(" ]")?;
    let body = rest.trim_start_matches([';', ' ', '\t', '\n']).strip_prefix("then")?;
    let body = body.trim_end().strip_suffix("fi")?;
    let (yes, no) = body.split_once("else").unwrap_or((body, ""));
    let words: Vec<&str> = condition.split_whitespace().collect();
    let [a, operator, b] = words.as_slice() else { return None };
    let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
    let holds = match *operator {
        "-eq" => a == b,
        "-ne" => a != b,
        "-lt" => a < b,
        "-gt" => a > b,
        _ => return None,
    };
    Some(if holds { yes } else { no }.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_on_variables_is_decided() {
        let odd = "\n if [ $(expr ${INDEX} % 2) -ne 0 ]; then\n exit 1\n else\n exit 0\n fi\n";
        let cases = [
            (odd, Some("3"), "exit 1"),
            (odd, Some("4"), "exit 0"),
            ("sleep $INDEX; exit ${INDEX}", Some("7"), "sleep 7; exit 7"),
            ("if [ $INDEX -lt 2 ]\nthen sleep 5; fi", Some("1"), "sleep 5;"),
            ("if [ $INDEX -lt 2 ]\nthen sleep 5; fi", Some("2"), ""),
            ("sleep $INDEX", None, "sleep $INDEX"),
            ("if [[ -r /data/foo ]]; then exit 0; fi", Some("1"), "if [[ -r /data/foo ]]; then exit 0; fi"),
            ("exit $(( $RANDOM / 16384 ))", Some("1"), "exit $(( $RANDOM / 16384 ))"),
            ("echo ${", Some("1"), "echo ${"),
        ];
        for (script, index, expected) in cases {
            let variable = |name: &str| index.filter(|_| name == "INDEX").map(str::to_owned);
            assert_eq!(simplify(script, variable), expected, "{script}");
        }
    }
}
