"""What people call a folder of photos that nobody has sorted yet, in the languages of `split_names`.

Without accents and in small letters; spaces do not count.
"""

UNSORTED_NAMES = frozenset(
    (
        *("unlabeled", "unlabelled", "unlabel", "unsorted", "unclassified", "uncategorized", "uncategorised"),
        *("unannotated", "untagged", "to sort", "to be sorted", "still to sort", "not sorted", "not yet sorted"),
        *("to label", "to be labeled", "to be labelled", "not labeled", "not labelled", "no label", "no labels"),
        *("without label", "without labels", "to classify", "to be classified", "not classified"),
        *("unsortiert", "unsortierte", "zu sortieren", "noch zu sortieren", "nicht sortiert", "unklassifiziert"),
        *("nicht klassifiziert", "unbeschriftet", "ohne label", "ohne labels", "ungelabelt"),
        *("a trier", "a classer", "non trie", "non tries", "non triee", "non triees", "non classe", "non classes"),
        *("non classee", "non classees", "sans etiquette", "sans etiquettes", "non etiquete", "non etiquetees"),
        *("sin clasificar", "por clasificar", "sin ordenar", "por ordenar", "sin etiqueta", "sin etiquetas"),
        *("sin etiquetar", "no clasificado", "no clasificados", "no clasificada", "no clasificadas"),
        *("por classificar", "a classificar", "sem rotulo", "sem rotulos", "sem etiqueta", "sem etiquetas"),
        *("nao classificado", "nao classificados", "nao classificada", "nao classificadas", "nao rotulado"),
        *("da ordinare", "da classificare", "non ordinate", "non classificato", "non classificati"),
        *("non classificata", "non classificate", "senza etichetta", "senza etichette", "non etichettate"),
        *("te sorteren", "nog te sorteren", "ongesorteerd", "niet gesorteerd", "zonder label", "ongelabeld"),
        *("do posortowania", "nieposortowane", "niesortowane", "bez etykiet", "bez etykiety", "nieoznaczone"),
        *("несортированные", "неотсортированные", "не отсортировано", "на сортировку", "неразобранное"),
        *("без метки", "без меток", "неразмеченные", "не размечено"),
        *("未分类", "未分類", "未标注", "未標註", "未标记", "未標記", "未整理", "待分类", "待分類", "待整理"),
        *("无标签", "無標籤", "未ラベル", "ラベルなし", "미분류", "라벨 없음", "정리 안 됨"),
    )
)
