// Command config loads scheduler configurations as kube-scheduler does and says what they resolve to, or why not.
//
// It reads lines of {"name", "config"} and writes them back with upstream's answer, which is the format of
// crates/config/tests/upstream/answers.jsonl:
//
//	go run ./config < ../crates/config/tests/upstream/answers.jsonl
//
// The first line must hold the empty configuration; the others say only in what they differ from it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"

	"k8s.io/client-go/informers"
	clientsetfake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// Answer is what upstream makes of one configuration.
type Answer struct {
	Name   string `json:"name"`
	Config string `json:"config"`
	// Stage is where it failed: decode, validate or build; empty where it did not.
	Stage  string   `json:"stage,omitempty"`
	Errors []string `json:"errors,omitempty"`
	// Profiles and Settings hold what differs from the first line.
	Profiles map[string]*Profile `json:"profiles,omitempty"`
	Settings map[string]any      `json:"settings,omitempty"`
}

// Profile holds the plugins of each extension point, as NAME or NAME=WEIGHT, and the arguments by plugin.
type Profile struct {
	Points map[string][]string `json:"points,omitempty"`
	Args   map[string]any      `json:"args,omitempty"`
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	var first *Answer
	for lines.Scan() {
		var in Answer
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer := &Answer{Name: in.Name, Config: in.Config}
		answer.load()
		if first == nil {
			first = answer
		} else {
			answer.subtract(first)
		}
		if err := out.Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func (a *Answer) fail(stage string, errs ...string) {
	a.Stage, a.Errors, a.Profiles = stage, errs, nil
	sort.Strings(a.Errors)
}

func (a *Answer) load() {
	cfg, err := decode(a.Config)
	if err != nil {
		a.fail("decode", err.Error())
		return
	}
	if err := validation.ValidateKubeSchedulerConfiguration(cfg); err != nil {
		var errs []string
		for _, e := range err.Errors() {
			errs = append(errs, e.Error())
		}
		a.fail("validate", errs...)
		return
	}
	a.Profiles = map[string]*Profile{}
	s, err := build(cfg, func(p config.KubeSchedulerProfile) {
		args := map[string]any{}
		for _, c := range p.PluginConfig {
			args[c.Name] = plain(c.Args)
		}
		a.Profiles[p.SchedulerName] = &Profile{Args: args}
	})
	if err != nil {
		a.fail("build", err.Error())
		return
	}
	for name, f := range s.Profiles {
		a.Profiles[name].Points = points(f.ListPlugins())
	}
	a.Settings = plain(cfg).(map[string]any)
	delete(a.Settings, "Profiles")
	asked := []any{}
	for _, e := range s.Extenders {
		asked = append(asked, e.Name())
	}
	a.Settings["Asked"] = asked
}

func decode(text string) (*config.KubeSchedulerConfiguration, error) {
	if text == "" {
		return latest.Default()
	}
	obj, gvk, err := scheme.Codecs.UniversalDecoder().Decode([]byte(text), nil, nil)
	if err != nil {
		return nil, err
	}
	cfg, ok := obj.(*config.KubeSchedulerConfiguration)
	if !ok {
		return nil, fmt.Errorf("couldn't decode as KubeSchedulerConfiguration, got %s: ", gvk)
	}
	cfg.TypeMeta.APIVersion = gvk.GroupVersion().String()
	return cfg, nil
}

func build(cfg *config.KubeSchedulerConfiguration, capture func(config.KubeSchedulerProfile)) (*scheduler.Scheduler, error) {
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.New(nil)))
	defer cancel()
	client := clientsetfake.NewClientset()
	recorders := func(string) events.EventRecorderLogger { return &events.FakeRecorder{} }
	return scheduler.New(ctx, client, informers.NewSharedInformerFactory(client, 0), nil, profile.RecorderFactory(recorders),
		scheduler.WithComponentConfigVersion(cfg.TypeMeta.APIVersion),
		scheduler.WithProfiles(cfg.Profiles...),
		scheduler.WithPercentageOfNodesToScore(cfg.PercentageOfNodesToScore),
		scheduler.WithPodMaxBackoffSeconds(cfg.PodMaxBackoffSeconds),
		scheduler.WithPodInitialBackoffSeconds(cfg.PodInitialBackoffSeconds),
		scheduler.WithExtenders(cfg.Extenders...),
		scheduler.WithParallelism(cfg.Parallelism),
		scheduler.WithBuildFrameworkCapturer(capture),
	)
}

// points lists the plugins of every extension point that has some.
func points(plugins *config.Plugins) map[string][]string {
	out := map[string][]string{}
	v := reflect.ValueOf(*plugins)
	for i := 0; i < v.NumField(); i++ {
		field := v.Type().Field(i).Name
		for _, p := range v.Field(i).Interface().(config.PluginSet).Enabled {
			shown := p.Name
			if p.Weight != 0 {
				shown = fmt.Sprintf("%s=%d", shown, p.Weight)
			}
			point := strings.ToLower(field[:1]) + field[1:]
			out[point] = append(out[point], shown)
		}
	}
	return out
}

// plain is a value as its JSON reads.
func plain(v any) any {
	var out any
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return err.Error()
	}
	return out
}

// subtract drops what is as in the default.
func (a *Answer) subtract(first *Answer) {
	var base *Profile
	for _, base = range first.Profiles {
	}
	for _, p := range a.Profiles {
		for point, names := range base.Points {
			if _, ok := p.Points[point]; !ok {
				p.Points[point] = []string{}
			} else if reflect.DeepEqual(names, p.Points[point]) {
				delete(p.Points, point)
			}
		}
		drop(p.Args, base.Args)
	}
	drop(a.Settings, first.Settings)
}

func drop(from, what map[string]any) {
	for k, v := range what {
		if reflect.DeepEqual(v, from[k]) {
			delete(from, k)
		}
	}
}
