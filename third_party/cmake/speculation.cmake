# libllama-spec: llama.cpp's speculative decoding behind the C functions of
# engine/internal/llama/spec.h. Of its common library, which brings an HTTP client
# and much else, only the files that this needs; what they hold beside it is left
# out by the linker. The program loads it at run time, and does without.
#
# ceiling_add_speculation() defines target llama-spec. A source other than the
# pinned one may have another interface: then there is a line that says so, and no
# target.

set(CEILING_SPEC_SOURCE "${CMAKE_CURRENT_SOURCE_DIR}/engine/internal/speculative")
set(CEILING_SPEC_HEADERS "${CMAKE_CURRENT_SOURCE_DIR}/engine/internal/llama")

# Leaves "" in `out` if our file compiles with the source's headers, else the reason.
function(_ceiling_spec_fault out)
    foreach(file IN LISTS ARGN)
        if(NOT EXISTS "${file}")
            set(${out} "it has no ${file}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
    try_compile(compiled "${CMAKE_BINARY_DIR}/probes/speculation" "${CEILING_SPEC_SOURCE}/speculative.cpp"
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${CEILING_SPEC_HEADERS};${LLAMA_CPP_SOURCE}/common;${LLAMA_CPP_SOURCE}/include;${LLAMA_CPP_SOURCE}/ggml/include"
        CXX_STANDARD 17)
    if(NOT compiled)
        set(${out} "its common/speculative.h has another interface" PARENT_SCOPE)
        return()
    endif()
    set(${out} "" PARENT_SCOPE)
endfunction()

function(ceiling_add_speculation)
    set(sources speculative ngram-cache ngram-map ngram-mod sampling common reasoning-budget trie unicode)
    list(TRANSFORM sources PREPEND "${LLAMA_CPP_SOURCE}/common/")
    list(TRANSFORM sources APPEND ".cpp")
    if(NOT CEILING_TREE_STATE STREQUAL "pinned")
        _ceiling_spec_fault(fault ${sources})
        if(fault)
            message(STATUS "ceiling: no speculation (--spec) with this llama.cpp: ${fault}")
            return()
        endif()
    endif()
    add_library(llama-spec MODULE EXCLUDE_FROM_ALL "${CEILING_SPEC_SOURCE}/speculative.cpp" ${sources})
    target_include_directories(llama-spec PRIVATE "${CEILING_SPEC_HEADERS}" "${LLAMA_CPP_SOURCE}/common" "${LLAMA_CPP_SOURCE}/vendor")
    target_link_libraries(llama-spec PRIVATE llama ggml)
    target_compile_features(llama-spec PRIVATE cxx_std_17)
    target_compile_options(llama-spec PRIVATE -ffunction-sections -fdata-sections)
    target_link_options(llama-spec PRIVATE -Wl,--gc-sections "-Wl,--version-script=${CEILING_SPEC_SOURCE}/exports.map")
    if(CEILING_TREE_STATE STREQUAL "pinned")
        # What is missing is found here, and not by a user's dlopen.
        target_link_options(llama-spec PRIVATE -Wl,-z,defs)
    endif()
    set_target_properties(llama-spec PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
