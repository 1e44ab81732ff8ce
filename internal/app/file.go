package app

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/gabriel-vasile/mimetype"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// FileKinds are the kinds of file that a record can carry: what the evidence
// lists of the classes name, and two more.
var FileKinds = append(registry.EvidenceFileKinds(), "stage_proof", "other")

// fileTypes are the types of content that are taken, told by their bytes,
// never by their name. Nothing that a browser would run is among them.
var fileTypes = []string{"image/jpeg", "image/png", "image/webp", "application/pdf"}

// maxRecordFile bounds a picture or document on a record, in bytes; sheets of a
// million rows may be larger.
const maxRecordFile = 32 << 20

// keep checks an upload and stores its bytes. The row that points at them
// comes later, so that no row is ever without its bytes.
func (a *App) keep(up Upload) (store.File, error) {
	if !slices.Contains(FileKinds, up.Kind) {
		return store.File{}, fault.Field("body.kind", "unknown_value", bilingual.F("“%s”不是附件类别", "%q is not a kind of file", up.Kind),
			bilingual.T("使用 "+strings.Join(FileKinds, "、"), "use one of "+strings.Join(FileKinds, ", ")))
	}
	head := make([]byte, 3072)
	n, err := io.ReadFull(up.Data, head)
	if n == 0 {
		return store.File{}, fault.Field("body.file", "required", bilingual.T("文件是空的", "the file is empty"), bilingual.T("请重新选择文件", "choose the file again"))
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return store.File{}, fault.Field("body.file", "unreadable", bilingual.T("文件没有传完整", "the upload broke off"), bilingual.T("请重新上传", "send it again"))
	}
	mime := mimetype.Detect(head[:n])
	if !slices.ContainsFunc(fileTypes, mime.Is) || (strings.HasPrefix(up.Kind, "photo") && !strings.HasPrefix(mime.String(), "image/")) {
		return store.File{}, fault.Field("body.file", "file_type", bilingual.F("不能接收 %s 类型的文件", "files of type %s are not taken", mime.String()),
			bilingual.T("照片请用 JPG、PNG、WebP，材料可用 PDF", "use JPG, PNG or WebP for photos, also PDF for documents"))
	}
	sum, size, err := a.Blobs.Put(io.MultiReader(bytes.NewReader(head[:n]), up.Data), min(a.MaxUpload, maxRecordFile))
	if err != nil {
		return store.File{}, err
	}
	return store.File{Kind: up.Kind, Name: cleanName(up.Name), Mime: mime.String(), Size: size, SHA256: sum, Device: up.Device}, nil
}

// cleanName makes a file name that is safe to show and to send in a header:
// no folders, no control signs or direction marks, at most 120 signs.
func cleanName(name string) string {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`"<>|:*?;`, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	if r := []rune(strings.TrimSpace(name)); len(r) > 120 {
		name = string(r[:120])
	}
	if strings.Trim(name, ". ") == "" {
		return "file"
	}
	return strings.TrimSpace(name)
}
