//! Stands in for `berth bench`.
use berth_bench::{
    case::Suite,
    request::{Output, Request},
};
use std::time::Duration;
fn main() {
    let mut r = Request {
        suite: Suite::Perf,
        workload: None,
        size: None,
        nodes: None,
        upstream: false,
        scan: false,
        method: Default::default(),
        runs: 1,
        budget: None,
        output: Output::Table,
        plot: None,
        once: false,
        verify: false,
        write_plan: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        let mut v = || args.next().unwrap();
        match a.as_str() {
            "bench" => {}
            "--suite" => r.suite = v().parse().unwrap(),
            "--workload" => r.workload = Some(v()),
            "--size" => r.size = Some(v()),
            "--nodes" => r.nodes = Some(v().parse().unwrap()),
            "--against" => {
                v();
                r.upstream = true
            }
            "--runs" => r.runs = v().parse().unwrap(),
            "--budget" => r.budget = Some(Duration::from_secs(v().parse().unwrap())),
            "-o" => r.output = v().parse().unwrap(),
            "--plot" => r.plot = Some(v().into()),
            "--once" => r.once = true,
            "--verify" => r.verify = true,
            "--write-plan" => r.write_plan = Some(v().into()),
            _ => panic!("{a}"),
        }
    }
    if let Err(e) = r.carry_out(&mut std::io::stdout(), &mut |m| eprintln!("{m}")) {
        eprintln!("error: {e}");
        std::process::exit(1)
    }
}
