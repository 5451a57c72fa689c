package gen

import (
	"encoding/json"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// spelling is how the quantities of one object are written: by the path of the
// map they are in (an array element by its index), the text of each.
type spelling map[string]map[v1.ResourceName]string

// quantities are the values of the texts of one map.
func (s spelling) quantities(path string) v1.ResourceList {
	if s[path] == nil {
		return nil
	}
	out := v1.ResourceList{}
	for name, text := range s[path] {
		out[name] = resource.MustParse(strings.TrimPrefix(text, "#"))
	}
	return out
}

// write puts the texts into an object. A text that starts with # becomes a
// JSON number, as YAML gives for a quantity without quotes.
func (s spelling) write(object map[string]any) {
	for path, texts := range s {
		var at any = object
		for _, step := range strings.Split(path, ".") {
			switch t := at.(type) {
			case map[string]any:
				at = t[step]
			case []any:
				at = t[int(step[0]-'0')]
			}
		}
		target := at.(map[string]any)
		for name, text := range texts {
			target[string(name)] = text
			if number, ok := strings.CutPrefix(text, "#"); ok {
				target[string(name)] = json.Number(number)
			}
		}
	}
}
