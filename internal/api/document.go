package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"

	"phaseout/internal/app"
	"phaseout/internal/registry"
)

// Document returns the OpenAPI document as indented JSON, without a database.
func Document() ([]byte, error) {
	s := New(Options{App: &app.App{Reference: registry.NewReference(nil, nil)}, Version: "1", Log: slog.New(slog.DiscardHandler)})
	text, err := json.Marshal(s.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
