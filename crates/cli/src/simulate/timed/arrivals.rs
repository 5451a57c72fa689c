//! The file of arrivals: pods that are created at a time and run for a time, a line each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use berth_cluster::Millis;
use berth_cluster::command::{Command, Scheduled};
use berth_model::Str;
use berth_model::execution::{Annotated, Execution, RunDuration, Span, duration_millis};
use berth_model::labels::Labels;
use berth_model::node::ResourceList;
use berth_model::object::Object;
use berth_model::pod::{Container, Pod, PodSpec};
use berth_model::pod_manifest::{PodManifest, RestartPolicy};
use berth_model::policy::PriorityClass;
use berth_model::quantity::Quantity;

use crate::failure::Failure;
use crate::notice;

/// The columns that mean something, besides `requests.RESOURCE`.
const KNOWN: [&str; 19] = [
    "name",
    "namespace",
    "arrival",
    "creation_time",
    "duration",
    "scheduled_time",
    "deletion_time",
    "cpu",
    "cpu_milli",
    "memory",
    "memory_mib",
    "gpu",
    "num_gpu",
    "gpu_milli",
    "priority",
    "labels",
    "group",
    "qos",
    "exit_code",
];
const GPU: &str = "nvidia.com/gpu";
/// Thousandths of GPUs, for pods that share one.
const GPU_MILLI: &str = "nvidia.com/gpu-milli";
const REQUESTS: &str = "requests.";
/// The columns that decide a pod's spec, besides `requests.RESOURCE`.
const OF_SPEC: [&str; 9] =
    ["namespace", "labels", "cpu", "cpu_milli", "memory", "memory_mib", "gpu", "num_gpu", "gpu_milli"];

/// Reads the arrivals.
///
/// # Errors
/// All that is wrong with the file, with line and column.
pub(super) fn read(path: &Path, namespace: Option<&str>, quiet: bool) -> Result<Vec<Scheduled>, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(&name, &error))?;
    let (commands, unused, problems) = parse(&text, namespace.unwrap_or("default"));
    if !problems.is_empty() {
        let shown = problems.iter().take(20).map(|problem| format!("{name}:{problem}"));
        let mut shown: Vec<String> = shown.collect();
        if problems.len() > shown.len() {
            shown.push(format!("and {} more", problems.len() - shown.len()));
        }
        return Err(Failure::inputs(shown));
    }
    if !unused.is_empty() && !quiet {
        notice::warning(&format!("{name}: columns without a meaning: {}", unused.join(", ")));
    }
    Ok(commands)
}

/// The arrivals, the columns that mean nothing, and all problems with their lines.
fn parse(text: &str, namespace: &str) -> (Vec<Scheduled>, Vec<String>, Vec<String>) {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, head)) = lines.next() else {
        return (
            Vec::new(),
            Vec::new(),
            vec!["1: empty; expected a line with the names of columns".to_owned()],
        );
    };
    let columns = fields(head);
    let unused =
        columns.iter().filter(|column| !KNOWN.contains(&column.as_str()) && !column.starts_with(REQUESTS));
    let unused = unused.cloned().collect();
    let has_time = columns.iter().any(|column| matches!(column.as_str(), "arrival" | "creation_time"));
    if !has_time || !columns.iter().any(|column| column == "name") {
        let message = "1: expected at least the columns name and arrival (or creation_time)";
        return (Vec::new(), unused, vec![message.to_owned()]);
    }
    let (mut commands, mut problems) = (Vec::new(), Vec::new());
    let (mut classes, mut shared) = (BTreeMap::new(), Shared::default());
    for (number, line) in lines {
        let values = fields(line);
        if values.len() != columns.len() {
            problems.push(format!("{number}: found {} values, expected {}", values.len(), columns.len()));
            continue;
        }
        let row: BTreeMap<&str, &str> =
            columns.iter().zip(&values).map(|(column, value)| (column.as_str(), value.trim())).collect();
        match arrival(&row, namespace, &mut shared) {
            Ok((at, priority, manifest, group)) => {
                if let Some(priority) = priority {
                    classes.insert(priority, class_name(priority));
                }
                let command = Command::Arrive(Box::new(manifest), group);
                commands.push(Scheduled { at, every: None, command, text: String::new() });
            }
            Err(problem) => problems.push(format!("{number}: {problem}")),
        }
    }
    if !classes.is_empty() {
        let classes = classes.into_iter().map(|(value, name)| {
            Object::PriorityClass(PriorityClass { name, value, global_default: false, never_preempts: false })
        });
        let command = Command::Apply(classes.collect());
        commands.insert(0, Scheduled { at: 0, every: None, command, text: String::new() });
    }
    (commands, unused, problems)
}

/// The values of a line; a value in quotes may contain commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(field) = fields.last_mut() else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => field.push(letter),
        }
    }
    fields
}

fn class_name(priority: i32) -> Str {
    let sign = if priority < 0 { "minus-" } else { "" };
    format!("arrivals-{sign}{}", priority.unsigned_abs()).into()
}

/// What lines share, since a file may have millions.
#[derive(Default)]
struct Shared {
    /// Specs by the values of the columns that decide them.
    specs: BTreeMap<String, Arc<PodSpec>>,
    groups: BTreeSet<Str>,
}

impl Shared {
    fn spec(&mut self, row: &Row<'_>, default_namespace: &str) -> Result<Arc<PodSpec>, String> {
        let of_spec = |column: &str| OF_SPEC.contains(&column) || column.starts_with(REQUESTS);
        let values = row.iter().filter(|(column, _)| of_spec(column));
        let key: String = values.flat_map(|(column, value)| [*column, "\t", *value, "\n"]).collect();
        if let Some(spec) = self.specs.get(&key) {
            return Ok(spec.clone());
        }
        let container = Container { name: "main".into(), requests: requests(row)?, ..Container::default() };
        let spec = PodSpec {
            namespace: cell(row, "namespace").unwrap_or(default_namespace).into(),
            labels: labels(cell(row, "labels").unwrap_or_default())?,
            scheduler_name: "default-scheduler".into(),
            containers: vec![container],
            ..PodSpec::default()
        };
        Ok(self.specs.entry(key).or_insert_with(|| Arc::new(spec)).clone())
    }

    fn group(&mut self, name: &str) -> Str {
        if let Some(group) = self.groups.get(name) {
            return group.clone();
        }
        let group = Str::from(name);
        self.groups.insert(group.clone());
        group
    }
}

type Row<'a> = BTreeMap<&'a str, &'a str>;
/// The text in a column; `None` if it is empty.
fn cell<'a>(row: &Row<'a>, column: &str) -> Option<&'a str> {
    row.get(column).copied().filter(|text| !text.is_empty())
}

type Arrival = (Millis, Option<i32>, PodManifest, Str);

fn arrival(row: &Row<'_>, default_namespace: &str, shared: &mut Shared) -> Result<Arrival, String> {
    let name = cell(row, "name").ok_or("name: missing")?;
    let at = time(row, "arrival")?.or(time(row, "creation_time")?).ok_or("arrival: missing")?;
    let run = match (time(row, "duration")?, time(row, "deletion_time")?) {
        (Some(duration), _) => RunDuration::Span(Span::fixed(duration)),
        (None, Some(end)) => {
            let begin = time(row, "scheduled_time")?.unwrap_or(at);
            RunDuration::Span(Span::fixed(end.saturating_sub(begin)))
        }
        (None, None) => RunDuration::Forever,
    };
    let priority: Option<i32> = number(row, "priority")?;
    let exit_code: Option<u8> = number(row, "exit_code")?;
    let spec = shared.spec(row, default_namespace)?;
    let mut manifest = PodManifest::of(Pod::created(name.into(), Str::default(), spec));
    manifest.admission.priority_class = priority.map(class_name);
    manifest.execution = Arc::new(Execution {
        restart_policy: RestartPolicy::Never,
        annotated: Annotated { run: Some(run), exit_code, ..Annotated::default() },
        ..Execution::default()
    });
    let group = shared.group(cell(row, "group").or(cell(row, "qos")).unwrap_or("arrivals"));
    Ok((at, priority, manifest, group))
}

/// A time: seconds, or a duration such as `1h`.
fn time(row: &Row<'_>, column: &str) -> Result<Option<Millis>, String> {
    let Some(text) = cell(row, column) else { return Ok(None) };
    let with_unit = format!("{text}s");
    match duration_millis(text).or_else(|| duration_millis(&with_unit)) {
        Some(millis) => Ok(Some(millis)),
        None => Err(format!("{column}: found {text:?}, expected seconds or a duration such as 90s or 2h")),
    }
}

fn number<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> Result<Option<T>, String> {
    let Some(text) = cell(row, column) else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| format!("{column}: found {text:?}, expected a whole number in its range"))
}

fn requests(row: &Row<'_>) -> Result<ResourceList, String> {
    let mut list: BTreeMap<Str, Quantity> = BTreeMap::new();
    let mut add = |resource: &str, column: &str, amount: Quantity| {
        if amount.is_negative() {
            return Err(format!("{column}: found {amount}, expected an amount that is not negative"));
        }
        if !amount.is_zero() {
            list.insert(resource.into(), amount);
        }
        Ok(())
    };
    for (column, text) in row.iter().filter(|(_, text)| !text.is_empty()) {
        let resource = match *column {
            "cpu" | "memory" => column,
            "gpu" => GPU,
            column => column.strip_prefix(REQUESTS).unwrap_or_default(),
        };
        if !resource.is_empty() {
            let amount =
                Quantity::parse(text).map_err(|_| format!("{column}: found {text:?}, expected an amount"))?;
            add(resource, column, amount)?;
        }
    }
    if let Some(milli) = number(row, "cpu_milli")? {
        add("cpu", "cpu_milli", Quantity::from_milli(milli))?;
    }
    if let Some(mebibytes) = number::<i64>(row, "memory_mib")? {
        add("memory", "memory_mib", Quantity::from_units(mebibytes.saturating_mul(1 << 20)))?;
    }
    if let Some(count) = number::<i64>(row, "num_gpu")? {
        match number::<i64>(row, "gpu_milli")? {
            Some(milli) => add(GPU_MILLI, "gpu_milli", Quantity::from_units(milli.saturating_mul(count)))?,
            None => add(GPU, "num_gpu", Quantity::from_units(count))?,
        }
    }
    Ok(list.into_iter().collect())
}

/// Labels as in `app=web;tier=front`.
fn labels(text: &str) -> Result<Labels, String> {
    let pairs = text.split(';').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let pair = pair.trim().split_once('=');
        pair.ok_or_else(|| format!("labels: found {text:?}, expected labels as in app=web;tier=front"))
    });
    pairs.collect::<Result<Vec<_>, _>>().map(Labels::from_iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(head: &str, line: &str) -> Result<String, Vec<String>> {
        let (commands, unused, problems) = parse(&format!("{head}\n{line}\n"), "default");
        if !problems.is_empty() {
            return Err(problems);
        }
        let last = commands.last().expect("an arrival");
        let Command::Arrive(manifest, group) = &last.command else { panic!("no arrival") };
        let spec = &manifest.pod.spec;
        let requests: Vec<String> =
            spec.containers[0].requests.iter().map(|(name, amount)| format!("{name}={amount}")).collect();
        let run = manifest.execution.annotated.run;
        Ok(format!(
            "{} at {} {run:?} {} {:?} of {group}, unused {unused:?}",
            manifest.pod.key(),
            last.at,
            requests.join(" "),
            manifest.admission.priority_class,
        ))
    }

    #[test]
    fn columns_may_be_those_of_the_documentation_or_of_openb() {
        let own = read_one(
            "name,namespace,arrival,duration,cpu,memory,requests.example.com/licence,priority,labels,group",
            "a,shop,1h,90s,500m,1Gi,2,7,\"app=web;x=y\",batch",
        );
        let expected = "shop/a at 3600000 Some(Span(Span { min_millis: 90000, max_millis: 90000 })) cpu=0.5 \
                        example.com/licence=2 memory=1073741824 Some(\"arrivals-7\") of batch, unused []";
        assert_eq!(own.as_deref(), Ok(expected));
        let openb = read_one(
            "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time",
            "openb-pod-0001,6000,12288,1,460,,LS,Running,427061,12902960,427065",
        );
        let expected = "default/openb-pod-0001 at 427061000 Some(Span(Span { min_millis: 12475895000, max_millis: \
                        12475895000 })) cpu=6 memory=12884901888 nvidia.com/gpu-milli=460 None of LS, unused \
                        [\"gpu_spec\", \"pod_phase\"]";
        assert_eq!(openb.as_deref(), Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line_and_column() {
        let cases = [
            ("name,cpu", "a,1", "1: expected at least the columns name and arrival (or creation_time)"),
            ("name,arrival", "a", "2: found 1 values, expected 2"),
            ("name,arrival", ",1s", "2: name: missing"),
            ("name,arrival", "a,", "2: arrival: missing"),
            (
                "name,arrival",
                "a,soon",
                "2: arrival: found \"soon\", expected seconds or a duration such as 90s or 2h",
            ),
            ("name,arrival,cpu", "a,1,x", "2: cpu: found \"x\", expected an amount"),
            ("name,arrival,cpu", "a,1,-1", "2: cpu: found -1, expected an amount that is not negative"),
            (
                "name,arrival,priority",
                "a,1,x",
                "2: priority: found \"x\", expected a whole number in its range",
            ),
            (
                "name,arrival,labels",
                "a,1,x",
                "2: labels: found \"x\", expected labels as in app=web;tier=front",
            ),
        ];
        for (head, line, expected) in cases {
            assert_eq!(read_one(head, line), Err(vec![expected.to_owned()]), "{head} {line}");
        }
    }
}
