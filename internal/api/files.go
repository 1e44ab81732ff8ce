package api

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// File is a stored file on a record.
type File struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind" doc:"What it proves: a code of an evidence list, stage_proof or other."`
	Name         string    `json:"name"`
	Mime         string    `json:"mime"`
	Size         int64     `json:"size" doc:"Bytes."`
	SHA256       string    `json:"sha256"`
	UploadedBy   string    `json:"uploaded_by"`
	UploadedAt   time.Time `json:"uploaded_at"`
	AssetID      string    `json:"asset_id"`
	RetirementID string    `json:"retirement_id,omitempty"`
	Device       string    `json:"device,omitempty" doc:"From what it was sent, as the client says, such as Chrome 126, Android."`
}

func fileView(f store.File) File {
	return File{f.ID, f.Kind, f.Name, f.Mime, f.Size, f.SHA256, f.UploadedByName, f.UploadedAt, f.AssetID, f.RetirementID, f.Device}
}

type fileForm struct {
	Kind string        `form:"kind" required:"true" maxLength:"40" doc:"A file code of the evidence list, such as photo or certificate; else stage_proof or other."`
	File huma.FormFile `form:"file" required:"true"`
}

type fileIn struct {
	ByID
	Keyed
	UserAgent string `header:"User-Agent" hidden:"true"`
	RawBody   huma.MultipartFormFiles[fileForm]
}

func (s *Server) fileRoutes() {
	route(s, operation("list-asset-files", http.MethodGet, "/assets/{id}/files", "files", "Files of a record"), s.listFiles)
	route(s, uploads("attach-asset-file", "/assets/{id}/files", "Put a file on a record"), s.attachToAsset)
	route(s, uploads("attach-retirement-file", "/retirements/{id}/files", "Put a file on a retirement"), s.attachToRetirement)
	route(s, binary(operation("get-file", http.MethodGet, "/files/{id}/content", "files", "The bytes of a file"), "application/octet-stream"), s.fileContent)
}

// uploads describes an operation that takes one multipart file.
func uploads(id, path, summary string) huma.Operation {
	op := operation(id, http.MethodPost, path, "files", summary)
	op.DefaultStatus = http.StatusCreated
	op.MaxBodyBytes = -1 // the middleware bounds it
	return op
}

// binary describes an operation that answers with bytes.
func binary(op huma.Operation, media string) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {Description: "The file.",
		Content: map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	return op
}

func (s *Server) listFiles(ctx context.Context, in *ByID) (*listOut[File], error) {
	scope := actor(ctx).Scope
	if _, err := s.db.Asset(ctx, scope, in.ID); err != nil {
		return nil, err
	}
	files, err := s.db.Files(ctx, scope, in.ID)
	return listOf(files, len(files), func(f store.File) string { return f.ID }, fileView), err
}

func (s *Server) attachToAsset(ctx context.Context, in *fileIn) (*created[File], error) {
	return s.attach(ctx, in, "attach-asset-file", in.ID)
}

func (s *Server) attachToRetirement(ctx context.Context, in *fileIn) (*created[File], error) {
	r, err := s.db.Retirement(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	return s.attach(ctx, in, "attach-retirement-file", r.AssetID)
}

func (s *Server) attach(ctx context.Context, in *fileIn, op, assetID string) (*created[File], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	request := []any{in.ID, form.Kind, form.File.Filename, form.File.Size}
	return create(ctx, in.Keyed, op, request,
		func(ctx context.Context, by access.Actor) (store.File, error) {
			return s.app.AttachFile(ctx, by, assetID, app.Upload{Kind: form.Kind, Name: form.File.Filename, Device: deviceOf(in.UserAgent), Data: form.File})
		},
		fileView, func(f File) string { return "/files/" + f.ID + "/content" }, func(File) int64 { return 1 })
}

type bytesOut struct {
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition"`
	Policy             string `header:"Content-Security-Policy"`
	Body               []byte
}

// download answers with bytes that a browser saves and never runs.
func download(name, media string, data []byte) *bytesOut {
	return &bytesOut{ContentType: media, Policy: "sandbox; default-src 'none'", Body: data,
		ContentDisposition: mime.FormatMediaType("attachment", map[string]string{"filename": name})}
}

const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

func (s *Server) fileContent(ctx context.Context, in *ByID) (*bytesOut, error) {
	f, err := s.db.File(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	if role := actor(ctx).Role; f.ApplicationID != "" && role != access.Finance && role != access.Auditor {
		return nil, fault.Missing() // documents and accounts of people
	}
	data, err := s.app.Blobs.Open(f.SHA256)
	if err != nil {
		return nil, err
	}
	media, _, _ := strings.Cut(f.Mime, ";")
	return download(f.Name, media, data), nil
}
