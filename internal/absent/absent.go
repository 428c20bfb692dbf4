// Package absent has errors for files that are not there.
package absent

import (
	"fmt"
	"io/fs"
)

// Errorf is fmt.Errorf for something that is not there: errors.Is takes the
// error for fs.ErrNotExist, whose own text would only say it twice.
func Errorf(format string, args ...any) error { return notThere(fmt.Sprintf(format, args...)) }

type notThere string

func (e notThere) Error() string        { return string(e) }
func (e notThere) Is(target error) bool { return target == fs.ErrNotExist }
