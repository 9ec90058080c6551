// Lists what Go's archive/tar, which container runtimes use, reads in each archive of a folder: as
// scanner/rootfs/examples/list.rs does for ours.
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func normal(name string) string {
	if cut, found := strings.CutPrefix(name, "./"); found {
		name = cut
	} else {
		name = strings.TrimPrefix(name, "/")
	}
	name = strings.TrimSuffix(name, "/")
	if name == "." {
		return ""
	}
	return name
}

// Anything but plain ASCII as its bytes.
func quoted(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= '!' && b <= '~' && b != '\\' {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "\\x%02x", b)
		}
	}
	return out.String()
}

func isMark(path string) bool {
	return strings.HasPrefix(path, ".wh..wh.") || strings.HasPrefix(filepath.Base(path), ".wh.")
}

func line(header *tar.Header, archive *tar.Reader) (string, error) {
	path := normal(header.Name)
	if isMark(path) {
		// Runtimes look at names first, those of global headers too.
		return fmt.Sprintf("mark %s", quoted(path)), nil
	}
	switch header.Typeflag {
	case tar.TypeXGlobalHeader:
		return "", nil
	case tar.TypeDir:
		if path == "" {
			return "", nil
		}
		return fmt.Sprintf("dir %s", quoted(path)), nil
	case tar.TypeSymlink:
		return fmt.Sprintf("symlink %s %s", quoted(path), quoted(header.Linkname)), nil
	case tar.TypeLink:
		return fmt.Sprintf("hardlink %s %s", quoted(path), quoted(normal(header.Linkname))), nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return fmt.Sprintf("other %s", quoted(path)), nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(archive, 1<<26)); err != nil {
		return "", err
	}
	return fmt.Sprintf("file %s %d %v %x", quoted(path), header.Size, header.Mode&0o111 != 0, hash.Sum(nil)), nil
}

func list(path string, out io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for archive := tar.NewReader(bufio.NewReader(file)); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		entry, err := line(header, archive)
		if err != nil {
			return err
		}
		if entry != "" {
			fmt.Fprintln(out, entry)
		}
	}
}

func main() {
	paths, _ := filepath.Glob(filepath.Join(os.Args[1], "*"))
	for _, path := range paths {
		out, err := os.Create(filepath.Join(os.Args[2], filepath.Base(path)))
		if err != nil {
			panic(err)
		}
		if err := list(path, out); err != nil {
			fmt.Fprintln(out, "refused")
		}
		out.Close()
	}
}
