package sheet

import (
	"archive/zip"
	"io"
	"io/fs"
	"strings"
)

// Limits of an archive, judged by its directory before anything is unpacked.
// The size in the directory binds the unpacking too: archive/zip fails on a
// part that holds more than it declares.
const (
	maxParts    = 400
	maxUnpacked = 1 << 30 // of which the rows are never held at once
	maxRatio    = 200     // unpacked to packed size of a part over 1 MiB
)

// archive is the parts of a workbook by their names in small letters, which is
// how the format compares them.
type archive map[string]*zip.File

func tooMuch() error {
	return refuse("unpacks_too_large", "文件解压后过大", "the file unpacks to too much", "请删除图片和空白行列后重新保存", "remove pictures and blank rows and columns and save it again")
}

func damaged() error {
	return refuse("damaged", "文件已损坏，不是有效的 .xlsx", "the file is damaged, it is not a valid .xlsx",
		"请用 WPS 或 Excel 打开并重新保存后上传", "open it in WPS or Excel, save it again and upload that")
}

// openArchive refuses an archive that would unpack to far more than it is, or
// in which one name means two parts.
func openArchive(r io.ReaderAt, size int64) (archive, error) {
	directory, err := zip.NewReader(r, size)
	if err != nil {
		return nil, damaged()
	}
	bomb := tooMuch()
	if len(directory.File) > maxParts {
		return nil, bomb
	}
	parts, total := archive{}, uint64(0)
	for _, f := range directory.File {
		size := f.UncompressedSize64
		if total += size; size > maxUnpacked || total > maxUnpacked || (size > 1<<20 && size/max(1, f.CompressedSize64) > maxRatio) {
			return nil, bomb
		}
		name := strings.ToLower(strings.ReplaceAll(f.Name, `\`, "/"))
		if strings.HasSuffix(name, "/") {
			continue
		}
		if _, twice := parts[name]; twice || !fs.ValidPath(name) || !f.Mode().IsRegular() {
			return nil, damaged()
		}
		parts[name] = f
	}
	return parts, nil
}
