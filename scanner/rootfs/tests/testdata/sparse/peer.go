// Lists what Go's archive/tar, which container runtimes use, reads in each archive of a folder.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func list(path string) (entries []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, archive); err != nil {
			return entries, err
		}
		entries = append(entries, fmt.Sprintf("%s %d %x", header.Name, header.Size, hash.Sum(nil)))
	}
}

func main() {
	paths, _ := filepath.Glob(filepath.Join(os.Args[1], "*.tar.gz"))
	for _, path := range paths {
		entries, err := list(path)
		end := "read"
		if err != nil {
			end = "refused"
		}
		name := strings.TrimSuffix(filepath.Base(path), ".tar.gz")
		fmt.Printf("%s %s\n", name, end)
		for _, entry := range entries {
			fmt.Println(" ", entry)
		}
	}
}
