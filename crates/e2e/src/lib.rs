//! Real control planes on loopback, and what a scheduler must do there, Berth's or upstream's.
//!
//! [`testbed`] builds upstream's programs, [`ControlPlane`](control_plane::ControlPlane) runs etcd and kube-apiserver
//! (started by `berth_up`, as `berth up` does), [`Scheduler`](scheduler::Scheduler) runs the one under test with the
//! rights that upstream's policy gives a scheduler. A [body] plays on a [stage](stage::Stage) and looks at the API
//! alone, so that the same body is for both schedulers: what passes with upstream's is what users rely on. [`up`] has
//! the tests of `berth up`. The [judge] plays scenarios on the real controllers and in `berth simulate`.

pub mod body;
pub mod client;
pub mod control_plane;
pub mod conversation;
pub mod extender;
pub mod fit_judge;
pub mod judge;
pub mod live_bench;
pub mod object;
pub mod scheduler;
pub mod soak;
pub mod stage;
pub mod static_pods;
pub mod suite;
pub mod test_program;
pub mod testbed;
pub mod up;
pub mod upstream_suite;
