# What was built, for the manifest of a run: bin/engine.json, read by the
# program beside its libraries.
#
# Including this file sets CEILING_RELEASE, CEILING_TREE and CEILING_TREE_STATE
# from the source that is about to be built: "pinned" only if its tree is the
# pinned one and no file differs from it, else "recorded".

file(STRINGS "${CEILING_THIRD_PARTY}/pins.env" pins REGEX "^[A-Z0-9_]+=")
foreach(pin IN LISTS pins)
    string(REGEX MATCH "^([^=]+)=(.*)$" unused "${pin}")
    set(PIN_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()

include("${CMAKE_CURRENT_LIST_DIR}/source-tree.cmake")
ceiling_source_tree("${LLAMA_CPP_SOURCE}" "${PIN_LLAMA_TREE}" "${PIN_LLAMA_RELEASE}")
message(STATUS "ceiling: llama.cpp ${CEILING_RELEASE}, tree ${CEILING_TREE} (${CEILING_TREE_STATE}), preset ${CEILING_PRESET}")

# "a;b" -> ["a", "b"], with what JSON needs escaped.
function(_ceiling_json_list out)
    set(items)
    foreach(item IN LISTS ARGN)
        string(REPLACE "\\" "\\\\" item "${item}")
        string(REPLACE "\"" "\\\"" item "${item}")
        list(APPEND items "\"${item}\"")
    endforeach()
    list(JOIN items ", " items)
    set(${out} "[${items}]" PARENT_SCOPE)
endfunction()

# What a tensor split reduces with, by what the back end is linked to: "rccl
# VERSION", "nccl", "none", or "" without a GPU back end.
function(_ceiling_collectives out)
    set(${out} "" PARENT_SCOPE)
    foreach(backend ggml-hip ggml-cuda)
        if(TARGET ${backend})
            get_target_property(libraries ${backend} LINK_LIBRARIES)
            if("roc::rccl" IN_LIST libraries)
                string(STRIP "rccl ${CEILING_RCCL_VERSION}" found)
            elseif("NCCL::NCCL" IN_LIST libraries)
                set(found nccl)
            else()
                set(found none)
            endif()
            set(${out} "${found}" PARENT_SCOPE)
        endif()
    endforeach()
endfunction()

# Defines target engine-json. The tree is looked at again at each build: a
# user's checkout changes without CMake noticing.
function(ceiling_record_engine)
    string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
    string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" flags)
    if(TARGET ggml-cpu)
        get_target_property(cpu_flags ggml-cpu COMPILE_OPTIONS)
        list(FILTER cpu_flags INCLUDE REGEX "^-m")
        string(APPEND flags " " "${cpu_flags}")
    endif()
    string(REPLACE ";" " " flags "${flags}")

    set(options)
    foreach(option GGML_OPENMP GGML_LLAMAFILE GGML_CPU_REPACK GGML_CPU_ALL_VARIANTS GGML_RPC
                   GGML_HIP GGML_HIP_GRAPHS GGML_HIP_MMQ_MFMA GGML_HIP_RCCL GGML_HIP_NO_VMM
                   GGML_CUDA GGML_CUDA_FA GGML_CUDA_GRAPHS GGML_CUDA_NCCL
                   CMAKE_HIP_ARCHITECTURES CMAKE_CUDA_ARCHITECTURES)
        if(DEFINED ${option} AND NOT "${${option}}" STREQUAL "")
            list(JOIN ${option} "," value)
            list(APPEND options "${option}=${value}")
        endif()
    endforeach()

    _ceiling_json_list(json_on ${CEILING_ISA_ON})
    _ceiling_json_list(json_off ${CEILING_ISA_OFF})
    _ceiling_json_list(json_options ${options})
    set(targets)
    if(TARGET ggml-hip)
        set(targets ${CMAKE_HIP_ARCHITECTURES})
    elseif(TARGET ggml-cuda)
        get_target_property(targets ggml-cuda CUDA_ARCHITECTURES)
    endif()
    _ceiling_json_list(json_targets ${targets})
    _ceiling_collectives(collectives)
    _ceiling_json_list(json_flags "${flags}")
    string(REGEX REPLACE "^\\[|\\]$" "" json_flags "${json_flags}")
    if(CEILING_PORTABLE)
        set(json_portable true)
    else()
        set(json_portable false)
    endif()
    configure_file("${CEILING_THIRD_PARTY}/cmake/engine.json.in" "${CMAKE_BINARY_DIR}/engine.json.in" @ONLY)
    add_custom_target(engine-json
        COMMAND ${CMAKE_COMMAND}
            "-DTEMPLATE=${CMAKE_BINARY_DIR}/engine.json.in"
            "-DOUTPUT=${CMAKE_BINARY_DIR}/bin/engine.json"
            "-DSOURCE=${LLAMA_CPP_SOURCE}"
            "-DPINNED_TREE=${PIN_LLAMA_TREE}"
            "-DPINNED_RELEASE=${PIN_LLAMA_RELEASE}"
            -P "${CEILING_THIRD_PARTY}/cmake/write-engine-json.cmake"
        COMMENT "engine.json"
        VERBATIM)
endfunction()

# build/include, made anew so that no header of another source stays behind.
function(ceiling_link_headers)
    set(dir "${CMAKE_BINARY_DIR}/include")
    file(REMOVE_RECURSE "${dir}")
    file(MAKE_DIRECTORY "${dir}")
    # llama-ext.h is C++ and may change or be missing in another source: only
    # the memory dry run uses it, and does without.
    file(GLOB headers "${LLAMA_CPP_SOURCE}/include/*.h" "${LLAMA_CPP_SOURCE}/ggml/include/*.h"
        "${LLAMA_CPP_SOURCE}/src/llama-ext.h")
    foreach(header IN LISTS headers)
        get_filename_component(name "${header}" NAME)
        file(CREATE_LINK "${header}" "${dir}/${name}" SYMBOLIC)
    endforeach()
endfunction()
