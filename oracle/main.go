// Command oracle asks the scheduling framework of upstream's kube-scheduler
// what it would decide.
//
//	oracle -corpus DIR [-family F] [-seed S -n N]   write the golden corpus, or a part or more of it
//	oracle -answer FILE [-brief]                    answer the scenarios of FILE ("-": stdin) on stdout
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"k8s.io/klog/v2"
)

func main() {
	var c corpus
	flag.StringVar(&c.dir, "corpus", "", "write FAMILY.jsonl.gz files into this folder")
	flag.StringVar(&c.family, "family", "", "corpus: only this family")
	flag.Int64Var(&c.seed, "seed", 1, "corpus: the first seed")
	flag.IntVar(&c.count, "n", 0, "corpus: this many scenarios a family instead of what the manifest says")
	flag.IntVar(&c.repeat, "repeat", 3, "corpus: compute each answer this often, and fail where the answers differ")
	answers := flag.String("answer", "", "answer the scenarios of this file, one JSON object a line")
	brief := flag.Bool("brief", false, "answer: only the node and the message of each pod")
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	var err error
	switch {
	case *answers != "":
		out := bufio.NewWriter(os.Stdout)
		err = answerFile(*answers, *brief, out)
		if e := out.Flush(); err == nil {
			err = e
		}
	case c.dir != "":
		err = c.write(os.Stdout)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}
