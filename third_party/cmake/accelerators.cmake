# ceiling_check_accelerator(PRESET) switches a GPU backend's parts on, and stops
# with the whole list of what is missing before llama.cpp's own build stops at
# the first of them.

function(ceiling_check_accelerator preset)
    if(preset STREQUAL "gfx908")
        _ceiling_check_rocm()
    elseif(preset STREQUAL "cuda")
        _ceiling_check_cuda()
    elseif(NOT preset STREQUAL "cpu")
        message(FATAL_ERROR "unknown preset '${preset}': use cpu, gfx908 or cuda")
    endif()
    foreach(v GGML_HIP_RCCL CMAKE_CUDA_ARCHITECTURES CEILING_TOOLKIT CEILING_RCCL_VERSION)
        if(DEFINED ${v})
            set(${v} "${${v}}" PARENT_SCOPE)
        endif()
    endforeach()
endfunction()

# _ceiling_stop_if_missing(TOOLKIT HINT NAME...) names all that is missing.
function(_ceiling_stop_if_missing toolkit hint)
    if(ARGN)
        list(JOIN ARGN ", " names)
        message(FATAL_ERROR "preset ${CEILING_PRESET} needs ${toolkit}; missing here: ${names}\n${hint}")
    endif()
endfunction()

# The folder is looked for as llama.cpp's own build does.
macro(_ceiling_check_rocm)
    set(rocm "$ENV{ROCM_PATH}")
    if(NOT rocm OR NOT EXISTS "${rocm}")
        if(EXISTS /opt/rocm)
            set(rocm /opt/rocm)
        else()
            set(rocm /usr)
        endif()
    endif()
    set(missing)
    find_program(CEILING_HIPCONFIG hipconfig HINTS "${rocm}/bin")
    if(NOT CEILING_HIPCONFIG)
        list(APPEND missing "hipconfig (the HIP compiler)")
    endif()
    foreach(package hip hipblas rocblas rccl)
        find_package(${package} QUIET CONFIG HINTS "${rocm}" "${rocm}/lib/cmake" "${rocm}/lib64/cmake")
        if(NOT ${package}_FOUND AND NOT package STREQUAL "rccl")
            list(APPEND missing "${package} (development files)")
        endif()
    endforeach()
    if(hip_FOUND AND hip_VERSION VERSION_LESS 6.1)
        list(APPEND missing "HIP 6.1 or later (found ${hip_VERSION})")
    endif()
    _ceiling_stop_if_missing("ROCm 6.1 or later"
        "looked in '${rocm}': install ROCm with its development packages, or set ROCM_PATH" ${missing})
    # ROCm's own compiler, also where its folder is not on the PATH.
    if(NOT DEFINED ENV{HIPCXX} AND NOT CMAKE_HIP_COMPILER AND EXISTS "${rocm}/llvm/bin/clang++")
        set(ENV{HIPCXX} "${rocm}/llvm/bin/clang++")
    endif()
    # Four cards need it for a tensor split: llama.cpp's own all-reduce knows
    # exactly two GPUs.
    if(rccl_FOUND AND NOT DEFINED GGML_HIP_RCCL)
        set(GGML_HIP_RCCL ON)
    elseif(NOT GGML_HIP_RCCL)
        set(GGML_HIP_RCCL OFF)
        if(rccl_FOUND)
            message(STATUS "ceiling: no RCCL, by GGML_HIP_RCCL=OFF: --split-mode tensor on more than two GPUs reduces through the host")
        else()
            message(STATUS "ceiling: no RCCL found in '${rocm}': --split-mode tensor on more than two GPUs reduces through the host, "
                "several times slower per token; install ROCm's rccl with its development files and configure again")
        endif()
    endif()
    set(CEILING_RCCL_VERSION "${rccl_VERSION}")
    set(CEILING_TOOLKIT "HIP ${hip_VERSION}")
    message(STATUS "ceiling: ROCm in '${rocm}', HIP ${hip_VERSION}, RCCL ${GGML_HIP_RCCL}, target ${CMAKE_HIP_ARCHITECTURES}")
endmacro()

macro(_ceiling_check_cuda)
    set(missing)
    find_package(CUDAToolkit QUIET)
    if(NOT CUDAToolkit_FOUND)
        list(APPEND missing "the CUDA toolkit (nvcc, headers)")
    elseif(NOT TARGET CUDA::cublas)
        list(APPEND missing "cuBLAS")
    endif()
    _ceiling_stop_if_missing("the CUDA toolkit"
        "install it and put nvcc on the PATH, or set CUDACXX" ${missing})
    # For the GPUs that are here, where there are any: llama.cpp's own default
    # compiles every kernel for seven architectures.
    if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT CEILING_PORTABLE AND EXISTS /dev/nvidia0
            AND CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
        set(CMAKE_CUDA_ARCHITECTURES native)
    endif()
    set(CEILING_TOOLKIT "CUDA ${CUDAToolkit_VERSION}")
    message(STATUS "ceiling: CUDA ${CUDAToolkit_VERSION} in '${CUDAToolkit_BIN_DIR}'")
endmacro()
