// Package cachedir says where the project keeps what it can make again.
package cachedir

import (
	"os"
	"path/filepath"
)

// Find is the folder of all caches: root where somebody named one, else
// $CEILING_CACHE, else ceiling in the user's cache folder. The folder need not
// be there. The error says that the user has no such folder.
func Find(root string) (string, error) {
	if root != "" {
		return root, nil
	}
	if root = os.Getenv("CEILING_CACHE"); root != "" {
		return root, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(user, "ceiling"), nil
}
