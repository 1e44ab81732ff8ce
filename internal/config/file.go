package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	kongyaml "github.com/alecthomas/kong-yaml"
)

// File reads a YAML file of settings, for kong.Configuration. It yields to the
// environment, and a key that is no setting is an error instead of nothing.
func File(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	values, err := kongyaml.Loader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	f := settingsFile{Resolver: EnvBeforeFile(values)}
	for _, m := range topKey.FindAllSubmatch(text, -1) {
		f.keys = append(f.keys, string(m[1]))
	}
	return f, nil
}

var topKey = regexp.MustCompile(`(?m)^["']?([A-Za-z0-9_-]+)["']?[ \t]*:`)

type settingsFile struct {
	kong.Resolver
	keys []string // at the left margin
}

// Validate is called by kong with all flags there are.
func (f settingsFile) Validate(app *kong.Application) error {
	var known []string
	collect(app.Node, "", &known)
	for _, key := range f.keys {
		if !slices.ContainsFunc(known, func(name string) bool { return name == key || strings.HasPrefix(name, key+"-") }) {
			return fmt.Errorf("settings file: there is no setting %q; \"phaseout --help\" lists them, for example max-upload-mib", key)
		}
	}
	return nil
}

func collect(n *kong.Node, prefix string, names *[]string) {
	for _, flag := range n.Flags {
		*names = append(*names, prefix+flag.Name)
	}
	for _, child := range n.Children {
		collect(child, prefix+child.Name+"-", names)
	}
}

// EnvBeforeFile makes a settings file yield to the environment: kong asks a
// file before it looks at the environment.
func EnvBeforeFile(file kong.Resolver) kong.Resolver {
	return kong.ResolverFunc(func(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil
			}
		}
		return file.Resolve(ctx, parent, flag)
	})
}

// Setting describes one setting.
type Setting struct{ Flag, Env, Default, Help string }

// Describe lists the settings of a command line, a struct with kong's tags, that
// can come from the environment, each once.
func Describe(grammar any) ([]Setting, error) {
	parser, err := kong.New(grammar, kong.Name("phaseout"))
	if err != nil {
		return nil, fmt.Errorf("config: describe: %w", err)
	}
	var all []Setting
	seen := map[string]bool{}
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, env := range f.Envs {
				if !seen[env] {
					seen[env] = true
					all = append(all, Setting{Flag: "--" + f.Name, Env: env, Default: f.Default, Help: f.Help})
				}
			}
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(parser.Model.Node)
	return all, nil
}
