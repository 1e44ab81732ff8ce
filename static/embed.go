// Package static embeds the built console and serves it.
package static

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed all:dist
var files embed.FS

// unbuilt is what a program without a console says.
const unbuilt = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>phaseout</title>
<body style="font:16px/1.6 sans-serif;max-width:40em;margin:4em auto">
<h1>界面尚未构建</h1><p>本程序编译时没有包含界面。请安装 Node.js 后运行 <code>make build</code>。API 可以正常使用：<a href="/openapi.json">/openapi.json</a></p>
<h1>The console is not built</h1><p>This program was compiled without its console. Install Node.js and run <code>make build</code>. The API works.</p></body></html>`

// Built reports whether the console is part of the program.
func Built() bool {
	_, err := fs.Stat(files, "dist/index.html")
	return err == nil
}

// Handler serves the console. Files with a hash in their name never change;
// everything else is asked for again.
func Handler() http.Handler {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	server := http.FileServerFS(dist)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Built() {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(unbuilt))
			return
		}
		if r.URL.Path == "/docs" {
			http.Redirect(w, r, "/docs/", http.StatusMovedPermanently)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if packed := packed(dist, strings.TrimPrefix(r.URL.Path, "/")); packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
			w.Header().Add("Vary", "Accept-Encoding")
			_, _ = w.Write(packed)
			return
		}
		server.ServeHTTP(w, r)
	})
}

// packedFiles are the files that were asked for, compressed once: an office's
// line is slow, and text shrinks to a third.
var packedFiles sync.Map

// packed returns a file of text compressed, nil if there is none or it is not
// worth it.
func packed(dist fs.FS, name string) []byte {
	if ext := path.Ext(name); ext != ".js" && ext != ".css" && ext != ".svg" {
		return nil
	}
	if known, ok := packedFiles.Load(name); ok {
		return known.([]byte)
	}
	data, err := fs.ReadFile(dist, name)
	if err != nil || len(data) < 1024 {
		return nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil || z.Close() != nil {
		return nil
	}
	packedFiles.Store(name, b.Bytes())
	return b.Bytes()
}
