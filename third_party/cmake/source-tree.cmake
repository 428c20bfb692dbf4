# ceiling_source_tree(DIR PINNED PINNED_RELEASE)
#
# sets in the caller's scope
#   CEILING_TREE        the git tree of a llama.cpp source, with "-dirty" behind
#                       it when files differ from it; "unknown" when DIR is no
#                       git checkout
#   CEILING_TREE_STATE  "pinned" if that is the tree PINNED, else "recorded"
#   CEILING_RELEASE     PINNED_RELEASE, or what git describes a recorded one as
function(ceiling_source_tree dir pinned pinned_release)
    # The user named this folder, so its owner does not matter; its hooks must
    # not run.
    set(git git --no-optional-locks -c "safe.directory=${dir}" -c core.fsmonitor=false -C "${dir}")
    execute_process(COMMAND ${git} rev-parse --verify --quiet "HEAD^{tree}"
        OUTPUT_VARIABLE tree OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
    execute_process(COMMAND ${git} rev-parse --show-toplevel
        OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    file(REAL_PATH "${dir}" real)
    # An unpacked archive inside another repository is not that repository.
    set(release unknown)
    if(failed OR NOT top STREQUAL real)
        set(tree unknown)
    else()
        execute_process(COMMAND ${git} status --porcelain OUTPUT_VARIABLE changed ERROR_QUIET)
        if(changed)
            string(APPEND tree "-dirty")
        endif()
        execute_process(COMMAND ${git} describe --tags --always
            OUTPUT_VARIABLE release OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
    if(tree STREQUAL pinned)
        set(CEILING_TREE_STATE pinned PARENT_SCOPE)
        set(CEILING_RELEASE "${pinned_release}" PARENT_SCOPE)
    else()
        set(CEILING_TREE_STATE recorded PARENT_SCOPE)
        set(CEILING_RELEASE "${release}" PARENT_SCOPE)
    endif()
    set(CEILING_TREE "${tree}" PARENT_SCOPE)
endfunction()
