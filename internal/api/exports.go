package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"phaseout/internal/app"
)

const csvType = "text/csv"

// downloadTime is how long an export may take to be fetched.
const downloadTime = time.Hour

// Count is how many rows a list has.
type Count struct {
	Count int `json:"count"`
}

type countOut struct{ Body Count }

func (s *Server) exportRoutes() {
	route(s, operation("count-assets", http.MethodGet, "/assets/count", "assets", "How many records a filter finds, all of them counted"), s.countAssets)
	route(s, sheets(operation("export-assets", http.MethodGet, "/assets/export", "assets", "Every record that a filter finds, as a sheet")), s.exportAssets)
	route(s, operation("count-retirements", http.MethodGet, "/retirements/count", "retirements", "How many retirements a filter finds"), s.countRetirements)
	route(s, sheets(operation("export-retirements", http.MethodGet, "/retirements/export", "retirements", "Every retirement that a filter finds, as a sheet")), s.exportRetirements)
}

// sheets marks an operation as one that answers with XLSX or CSV.
func sheets(op huma.Operation) huma.Operation {
	op = binary(op, xlsxType)
	op.Responses["200"].Content[csvType] = op.Responses["200"].Content[xlsxType]
	return op
}

func (s *Server) countAssets(ctx context.Context, in *AssetNarrowing) (*countOut, error) {
	f, err := s.assetFilter(ctx, *in)
	if err != nil {
		return nil, err
	}
	n, err := s.db.CountAssets(ctx, actor(ctx).Scope, f, -1)
	return &countOut{Count{n}}, err
}

func (s *Server) countRetirements(ctx context.Context, in *RetirementNarrowing) (*countOut, error) {
	n, err := s.db.CountRetirements(ctx, actor(ctx).Scope, in.filter())
	return &countOut{Count{n}}, err
}

// Format is the part of an export's input that says what file it makes.
type Format struct {
	Format string `query:"format" enum:"xlsx,csv" default:"xlsx"`
}

func (s *Server) exportAssets(ctx context.Context, in *struct {
	AssetNarrowing
	Format
	Reveal bool   `query:"reveal" doc:"Show owners' numbers and telephones, for a city's own staff; needs a reason."`
	Reason string `query:"reason" maxLength:"500" doc:"What the numbers are needed for; it is kept in the audit."`
}) (*huma.StreamResponse, error) {
	f, err := s.assetFilter(ctx, in.AssetNarrowing)
	if err != nil {
		return nil, err
	}
	order := app.ExportOrder{Format: in.Format.Format, Lang: lang(ctx), Reveal: in.Reveal, Reason: in.Reason}
	return s.spool(in.Format.Format, func(w io.Writer) (app.Exported, error) { return s.app.ExportAssets(ctx, actor(ctx), f, order, w) })
}

func (s *Server) exportRetirements(ctx context.Context, in *struct {
	RetirementNarrowing
	Format
}) (*huma.StreamResponse, error) {
	order := app.ExportOrder{Format: in.Format.Format, Lang: lang(ctx)}
	return s.spool(in.Format.Format, func(w io.Writer) (app.Exported, error) {
		return s.app.ExportRetirements(ctx, actor(ctx), in.filter(), order, w)
	})
}

// spool lets an export be written to a file that has no name any more and then
// sends it. So a slow client holds up no snapshot of the database, a mishap is
// answered as a problem and not as half a sheet, and the length is known.
func (s *Server) spool(format string, write func(io.Writer) (app.Exported, error)) (*huma.StreamResponse, error) {
	file, err := os.CreateTemp("", "export-*")
	if err != nil {
		return nil, fmt.Errorf("api: make a file for an export: %w", err)
	}
	_ = os.Remove(file.Name()) // it goes with its last handle
	done, err := write(file)
	var size int64
	if err == nil {
		size, err = file.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	media := xlsxType
	if format == "csv" {
		media = csvType + "; charset=utf-8"
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { _ = file.Close() }()
		ctx.SetHeader("Content-Type", media)
		ctx.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": done.Name}))
		ctx.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
		ctx.SetHeader("Content-Length", strconv.FormatInt(size, 10))
		ctx.SetHeader("X-Row-Count", strconv.Itoa(done.Count))
		// What took long to make may take long to fetch, over a slow line.
		deadline := time.Now().Add(downloadTime) //nolint:forbidigo // a network deadline is not a fact of the registry
		if err := http.NewResponseController(humagin.Unwrap(ctx).Writer).SetWriteDeadline(deadline); err != nil {
			s.Log.Warn("an export keeps the server's write deadline", "error", err)
		}
		if _, err := io.Copy(ctx.BodyWriter(), file); err != nil {
			s.Log.Info("an export was not fetched to its end", "request_id", requestID(ctx.Context()), "error", err)
		}
	}}, nil
}
