//! What a pod does on its node: how long its containers run, and how they end. Nothing here decides where it runs.
//!
//! A simulated node runs no programs. It looks at the commands that it knows ([`Program::of_command`]) and at these
//! annotations of the pod:
//!
//! | annotation | value |
//! | --- | --- |
//! | [`RUN_DURATION`] | how long each container runs: `90s`, a range such as `5m..1h`, or `forever` |
//! | [`EXIT_CODE`] | the exit code after that time, `0` to `255`; `0` if it is absent |
//! | [`START_DELAY`] | the time from the binding to the start of the first container: a duration or a range |
//! | [`READY_DELAY`] | the time from the start of a container until it is ready: a duration or a range |

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::labels::Labels;
use crate::pod_manifest::RestartPolicy;

/// The pod annotation that says how long each container runs.
pub const RUN_DURATION: &str = "berth.dev/run-duration";
/// The pod annotation that says with which code each container exits.
pub const EXIT_CODE: &str = "berth.dev/exit-code";
/// The pod annotation that says how long the node takes to start the pod.
pub const START_DELAY: &str = "berth.dev/start-delay";
/// The pod annotation that says how long a container takes to become ready.
pub const READY_DELAY: &str = "berth.dev/ready-delay";

/// The longest duration that can be given, in milliseconds: 100 years.
const LONGEST: u64 = 100 * 365 * 24 * 3_600_000;

/// What a pod does on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// `spec.restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// `spec.terminationGracePeriodSeconds`.
    pub grace_seconds: u32,
    /// `spec.activeDeadlineSeconds`.
    pub active_deadline_seconds: Option<u32>,
    /// `spec.initContainers`, in order.
    pub init_containers: Vec<ContainerExecution>,
    /// `spec.containers`, in order.
    pub containers: Vec<ContainerExecution>,
    /// What the annotations say.
    pub annotated: Annotated,
}

impl Default for Execution {
    /// One container of which nothing is known, with the API's defaults.
    fn default() -> Self {
        Self {
            restart_policy: RestartPolicy::Always,
            grace_seconds: 30,
            active_deadline_seconds: None,
            init_containers: Vec::new(),
            containers: vec![ContainerExecution::default()],
            annotated: Annotated::default(),
        }
    }
}

impl Execution {
    /// Puts it behind a pointer. Pods of which nothing is known share one.
    pub fn shared(execution: Self) -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Execution>> = LazyLock::new(Arc::default);
        if execution == **DEFAULT { DEFAULT.clone() } else { Arc::new(execution) }
    }
}

/// What a container does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerExecution {
    /// The program that it runs.
    pub program: Program,
    /// `readinessProbe.initialDelaySeconds`.
    pub ready_delay_seconds: u32,
    /// An init container with `restartPolicy: Always`: it runs along with the containers.
    pub sidecar: bool,
}

/// What a container's command is known to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// It ends by itself.
    Exits {
        /// After this many milliseconds.
        after_millis: u64,
        /// With this exit code.
        code: u8,
    },
    /// It runs until the pod is deleted.
    UntilDeleted,
}

impl Program {
    /// What `command` and `args` of a container do: `sleep N`, `true`, `false`, or a shell with `-c` and a script of
    /// these, `exit N` and `echo`.
    pub fn of_command<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        match words.as_slice() {
            [shell, "-c", script, ..] if matches!(base_name(shell), "sh" | "bash" | "ash" | "dash") => {
                Self::of_script(script)
            }
            words => match statement(words) {
                Some(Statement::Runs { millis, code }) => Self::Exits { after_millis: millis, code },
                Some(Statement::Forever) => Self::UntilDeleted,
                Some(Statement::Exit(_)) | None => Self::Unknown,
            },
        }
    }

    /// A script of known statements, with `;`, `&&` or line ends between them.
    fn of_script(script: &str) -> Self {
        let (mut total, mut last) = (0_u64, 0);
        for line in script.split([';', '\n']) {
            for part in line.split("&&") {
                let words: Vec<&str> = part.split_whitespace().collect();
                if words.is_empty() {
                    continue;
                }
                match statement(&words) {
                    Some(Statement::Runs { millis, code }) => {
                        total = total.saturating_add(millis);
                        last = code;
                    }
                    Some(Statement::Exit(code)) => {
                        return Self::Exits { after_millis: total, code: code.unwrap_or(last) };
                    }
                    Some(Statement::Forever) => return Self::UntilDeleted,
                    None => return Self::Unknown,
                }
                // What follows `&&` does not run after a failure.
                if last != 0 {
                    break;
                }
            }
        }
        Self::Exits { after_millis: total, code: last }
    }
}

/// A statement of a script.
enum Statement {
    Runs { millis: u64, code: u8 },
    Exit(Option<u8>),
    Forever,
}

fn statement(words: &[&str]) -> Option<Statement> {
    let (name, rest) = words.split_first()?;
    match (base_name(name), rest) {
        ("sleep", ["infinity" | "inf"]) => Some(Statement::Forever),
        ("sleep", rest @ [_, ..]) => {
            let parts = rest.iter().map(|text| sleep_millis(text));
            let millis = parts.sum::<Option<u64>>()?;
            Some(Statement::Runs { millis, code: 0 })
        }
        ("true" | ":", _) => Some(Statement::Runs { millis: 0, code: 0 }),
        ("false", _) => Some(Statement::Runs { millis: 0, code: 1 }),
        // A redirection or a variable may fail, but what it prints decides nothing.
        ("echo", _) => Some(Statement::Runs { millis: 0, code: 0 }),
        ("exit", []) => Some(Statement::Exit(None)),
        ("exit", [code]) => Some(Statement::Exit(Some(code.parse().ok()?))),
        _ => None,
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The argument of `sleep`: a number, with one of the suffixes that it knows.
fn sleep_millis(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    amount(number, unit)
}

/// What the annotations of a pod say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// [`RUN_DURATION`].
    pub run: Option<RunDuration>,
    /// [`EXIT_CODE`].
    pub exit_code: Option<u8>,
    /// [`START_DELAY`].
    pub start_delay: Option<Span>,
    /// [`READY_DELAY`].
    pub ready_delay: Option<Span>,
}

/// How long containers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunDuration {
    /// Until the pod is deleted.
    Forever,
    /// A time within these bounds.
    Span(Span),
}

/// A duration that is drawn between two bounds, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub min_millis: u64,
    /// The longest; at least the shortest.
    pub max_millis: u64,
}

impl Span {
    /// A fixed duration.
    pub const fn fixed(millis: u64) -> Self {
        Self { min_millis: millis, max_millis: millis }
    }

    /// Reads `90s`, `1h30m` or `5m..1h`; `None` if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (min, max) = match text.split_once("..") {
            Some((min, max)) => (duration_millis(min)?, duration_millis(max)?),
            None => {
                let millis = duration_millis(text)?;
                (millis, millis)
            }
        };
        (min <= max).then_some(Self { min_millis: min, max_millis: max })
    }

    /// The duration for a drawn number; all durations are equally likely.
    pub fn draw(self, number: u64) -> u64 {
        let choices = self.max_millis.saturating_sub(self.min_millis).saturating_add(1);
        self.min_millis.saturating_add(number % choices)
    }
}

impl fmt::Display for Span {
    /// In the form that [`Span::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = |f: &mut fmt::Formatter<'_>, millis: u64| match millis % 1_000 {
            0 => write!(f, "{}s", millis / 1_000),
            _ => write!(f, "{millis}ms"),
        };
        duration(f, self.min_millis)?;
        if self.max_millis == self.min_millis {
            return Ok(());
        }
        f.write_str("..")?;
        duration(f, self.max_millis)
    }
}

/// Reads a duration such as `250ms`, `90s`, `1h30m` or `2d`, in milliseconds; `None` if it is something else.
pub fn duration_millis(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let number = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let unit = rest[number..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len() - number);
        total = total.checked_add(amount(&rest[..number], &rest[number..number + unit])?)?;
        rest = &rest[number + unit..];
    }
    Some(total).filter(|total| *total <= LONGEST)
}

/// A number with a unit, in milliseconds, rounded down.
fn amount(number: &str, unit: &str) -> Option<u64> {
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if number.is_empty() || !are_digits(whole) || !are_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()?.checked_mul(scale)? };
    let part = part / 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(part).filter(|total| *total <= LONGEST)
}

impl Annotated {
    /// Reads a pod's annotations. What cannot be read counts as absent; [`unreadable`] names it.
    pub fn of(annotations: &Labels) -> Self {
        let get = |key| annotations.get(key).map(|text| &**text);
        Self {
            run: get(RUN_DURATION).and_then(run_duration),
            exit_code: get(EXIT_CODE).and_then(|text| text.parse().ok()),
            start_delay: get(START_DELAY).and_then(Span::parse),
            ready_delay: get(READY_DELAY).and_then(Span::parse),
        }
    }
}

fn run_duration(text: &str) -> Option<RunDuration> {
    match text {
        "forever" => Some(RunDuration::Forever),
        text => Span::parse(text).map(RunDuration::Span),
    }
}

/// The annotations that cannot be read: key, value, and what is allowed.
pub fn unreadable(annotations: &Labels) -> Vec<(&'static str, &str, &'static str)> {
    let span = "a duration such as 90s, or a range such as 5m..1h";
    let run = "a duration such as 90s, a range such as 5m..1h, or forever";
    let code = "a number from 0 to 255";
    let known = [(RUN_DURATION, run), (EXIT_CODE, code), (START_DELAY, span), (READY_DELAY, span)];
    let check = |(key, allowed): (&'static str, &'static str)| {
        let text = annotations.get(key)?;
        let is_readable = match key {
            RUN_DURATION => run_duration(text).is_some(),
            EXIT_CODE => text.parse::<u8>().is_ok(),
            _ => Span::parse(text).is_some(),
        };
        (!is_readable).then_some((key, &**text, allowed))
    };
    known.into_iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_command_ends_as_its_program_would() {
        let exits = |after_millis, code| Program::Exits { after_millis, code };
        let cases: [(&[&str], Program); 19] = [
            (&["sleep", "5"], exits(5_000, 0)),
            (&["/bin/sleep", "1.5m"], exits(90_000, 0)),
            (&["sleep", "1", "2"], exits(3_000, 0)),
            (&["sleep", "infinity"], Program::UntilDeleted),
            (&["sleep", "$N"], Program::Unknown),
            (&["sleep"], Program::Unknown),
            (&["true"], exits(0, 0)),
            (&["/bin/false"], exits(0, 1)),
            (&["exit", "1"], Program::Unknown),
            (&["/bin/sh", "-c", "exit 1"], exits(0, 1)),
            (&["sh", "-c", "sleep 5 && exit 3"], exits(5_000, 3)),
            (&["sh", "-c", "echo hello\nsleep 2; false"], exits(2_000, 1)),
            (&["sh", "-c", "false && sleep 5; sleep 1"], exits(1_000, 0)),
            (&["sh", "-c", "false; exit"], exits(0, 1)),
            (&["bash", "-c", ""], exits(0, 0)),
            (&["sh", "-c", "exit $(( $RANDOM / 16384 ))"], Program::Unknown),
            (&["sh", "-c", "while true; do sleep 1; done"], Program::Unknown),
            (&["nginx", "-g", "daemon off;"], Program::Unknown),
            (&[], Program::Unknown),
        ];
        for (words, expected) in cases {
            assert_eq!(Program::of_command(words.iter().copied()), expected, "{words:?}");
        }
    }

    #[test]
    fn a_duration_has_units() {
        let cases = [
            ("250ms", Some(250)),
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            ("0.5s", Some(500)),
            ("0", Some(0)),
            ("90", None),
            ("", None),
            ("1y", None),
            ("-1s", None),
            ("s", None),
            ("1.2.3s", None),
            ("99999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_millis(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_span_is_drawn_between_its_bounds() {
        let span = Span::parse("1s..3s").expect("a range");
        assert!((0..10_000).all(|number| (1_000..=3_000).contains(&span.draw(number))));
        assert_eq!((span.draw(0), span.draw(2_000)), (1_000, 3_000));
        assert_eq!(Span::parse("3s..1s"), None);
        assert_eq!(Span::parse("7s"), Some(Span::fixed(7_000)));
        for text in ["7s", "1500ms", "1s..2500ms", "0s"] {
            assert_eq!(Span::parse(text).map(|span| span.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn annotations_are_read_and_those_that_cannot_be_are_named() {
        let annotations =
            Labels::from_iter([(RUN_DURATION, "forever"), (EXIT_CODE, "256"), (START_DELAY, "2s")]);
        let expected = Annotated {
            run: Some(RunDuration::Forever),
            start_delay: Some(Span::fixed(2_000)),
            ..Annotated::default()
        };
        assert_eq!(Annotated::of(&annotations), expected);
        assert_eq!(unreadable(&annotations), [(EXIT_CODE, "256", "a number from 0 to 255")]);
    }
}
