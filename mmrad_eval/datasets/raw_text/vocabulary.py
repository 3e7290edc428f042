"""Words that tell a sentence about a patient from a sentence about the task."""

from __future__ import annotations

import re

SEEN = re.compile(
    r"\b(?:lungs?|heart|cardi\w*|pleura\w*|effusions?|pneumo\w*|hydropneumo\w*|hemothora\w*|opaci\w*|consolidat\w*"
    r"|atelecta\w*|o?edema|mediastin\w*|hil(?:ar|um|a|i)"
    r"|apex|apices|apical|bas(?:e|es|al|ilar)|bibasilar|costophrenic|hemidiaphragms?|diaphragm\w*|ribs?|bones?"
    r"|bony|osseous|spine|vertebra\w*|aort\w*|trache\w*|carina"
    r"|nodul\w*|mass(?:es)?|lesions?|fractur\w*|catheters?|tubes?|picc|ports?|lines?|pacemaker\w*|leads?|devices?"
    r"|sternotomy|wires?|clips?|hardware|emphysema\w*|fibro\w*"
    r"|scar\w*|granulom\w*|calcif\w*|infiltrat\w*|interstiti\w*|vascul\w*|congesti\w*|enlarg\w*|hyperinflat\w*"
    r"|silhouette|contours?|abnormalit\w*|normal|clear|unremarkable"
    r"|acute|lob(?:e|ar|es)|bronch\w*|airspace|soft\ tissues?|hernia\w*|scoliosis|degenerative|tortuous|volumes?"
    r"|hemithorax|thoracic|rotat\w*|underexposed|inspirat\w*|stable|unchanged"
    r"|airways?|ground.glass|retrocardiac|perihilar|aspiration|infection|copd|ett|ng|chf|lungs|cavit\w*|thicken\w*"
    r"|blunt\w*|sternum|clavic\w*|scapula\w*|shoulders?|adenopathy|lymph\w*|tubercul\w*|tb|air|knob|fissures?|stomach"
    r"|bowel|esophag\w*|malignan\w*|metasta\w*|cancer|tumou?rs?|densit\w*|bleeding|h(?:a?e)morrhage|cough|hypoxi\w*"
    r"|fever|breasts?|neck|foreign bod\w*|lung markings?|shunt|valves?|stents?|drains?|swan|necklace|intubat\w*"
    r"|ventric\w*|atri(?:um|al|a)|sulc(?:us|i)|recess\w*|pericardi\w*|axill\w*|humer\w*|osteo\w*|spondyl\w*"
    r"|sclero\w*|plaques?|cysts?|abscess\w*|gastric|liver|spleen|subcutaneous|stripe|lingula\w*|azygos|paratracheal|subpleural|pectus|kyphosis|eventration|bulla\w*|blebs?|embol\w*|aneurysm\w*|inter(?:space|costal)\w*|mainstem|vessels?|tips?)\b",
    re.IGNORECASE,
)
"""What a sentence of a report speaks of: an organ, a finding, a device, the quality of the film."""

ABOUT = re.compile(
    r"\b(?:you|your|radiologists?|physicians?|doctors?|clinicians?|professionals?|providers?|consult|typically"
    r"|generally|in\ general|general\ (?:information|terms)|usually"
    r"|language\ model|assistant|i\ can\ (?:help|explain|describe|offer|provide|discuss|share)|happy\ to"
    r"|would\ (?:include|involve|look|assess|evaluate|describe)"
    r"|common(?:ly)?\ (?:findings|include)|such\ as|educational|if\ (?:there|the|a)|should\ be\ (?:evaluated"
    r"|interpreted|reviewed))\b",
    re.IGNORECASE,
)
"""What a sentence about the task, the model or the reader speaks of."""
